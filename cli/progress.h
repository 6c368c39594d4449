/* progress: how far a long job is: a bar on a terminal, else a line every five
 * seconds; JSON events when asked for. All on stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/cli.h"

void progress_show(struct cli *c, const json_t *event);
/** progress_end - take the bar away. */
void progress_end(struct cli *c);

#endif
