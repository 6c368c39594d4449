/* causes: what went wrong, in the language of the interface. The layers below
 * explain themselves in English (crypto/base/err.h), whoever asks; this is
 * where their words become Chinese, by the formats that made them
 * (cli/causes.inc). Nothing but the text is needed, so that it does not matter
 * which process, of which age, said it; what is not known stays as it is. Pure.
 */
#ifndef CLI_CAUSES_H
#define CLI_CAUSES_H

#include "cli/say.h"

/**
 * causes_say - a cause, a hint or a note in the language chosen.
 * @text: English, as err_set and err_wrap made it, or anything else; values in
 *        it may be anybody's.
 * Return: never NULL; the caller frees it. Not yet safe for a terminal.
 */
char *causes_say(const char *text);

/** causes_in - in a given language. */
char *causes_in(enum say_lang lang, const char *text);

#endif
