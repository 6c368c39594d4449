/* api: what can be asked of a node, as JSON: {"op": NAME, ...} in, any number
 * of {"event": ...} and one {"result": ...} or {"error": ...} out. One table of
 * handlers serves the Unix socket, the command that hosts a node and, later,
 * the browser. Ops and their shapes: README.md. */
#ifndef NODE_API_API_H
#define NODE_API_API_H

#include <jansson.h>
#include <stdbool.h>

#include "node/driver/node.h"

struct api_call;

/** @message: borrowed. @last: the result or error; the call is gone then. */
typedef void api_emit_fn(void *user, const json_t *message, bool last);

/** api_begin - start a call; @emit is only called from the loop, never from
 *  within api_begin. @request is borrowed. NULL when out of memory. */
struct api_call *api_begin(struct node *n, const json_t *request,
                           api_emit_fn *emit, void *user);

/** api_code_name - "not_found" for ERR_NOT_FOUND: codes are named on the way,
 *  since two builds may number them differently. */
const char *api_code_name(int rc);

/** api_code_of - back; ERR_FAILED for names not known here. */
int api_code_of(const char *name);

/** api_cancel - end it soon; the last message still comes. */
void api_cancel(struct api_call *call);

/** api_orphan - as api_cancel, but nobody listens any more. */
void api_orphan(struct api_call *call);

#endif
