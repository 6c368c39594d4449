/* past: how the last get of a course ended, and which peers had the course.
 * Kept in `choices`: `got` course -> code, edition, time, why; `had` course ->
 * up to six of "NODE TIME". Times in ms. Thread-safe. */
#ifndef NODE_API_PAST_H
#define NODE_API_PAST_H

#include <jansson.h>

#include "node/driver/node.h"

/** past_keep - a get has ended. What cannot be written is not remembered. */
void past_keep(struct node *n, int rc, const struct err *e,
               const struct fetch_status *s, const struct fetch_peer *peers,
               size_t peer_count);

/** past_forget - all about @course. */
int past_forget(struct node *n, const struct course_id *course, struct err *e);

/** past_last - {"code", "edition", "time_ms", "why"}, or null. */
json_t *past_last(struct node *n, const struct course_id *course);

/** past_peers - [{"node", "address", "time_ms", "blocked"}], the latest first.
 */
json_t *past_peers(struct node *n, const struct course_id *course);

#endif
