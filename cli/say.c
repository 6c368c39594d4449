#include "cli/say.h"

#include <stdlib.h>
#include <string.h>

static const char *const texts[SAY_COUNT][2] = {
#define X(id, en, zh) [SAY_##id] = {en, zh},
    SAY_TABLE(X)
#undef X
};

static enum say_lang chosen = SAY_EN;

void say_set_lang(const char *lang)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < 3 && (lang == NULL || lang[0] == '\0'); i++)
        lang = getenv(names[i]);
    chosen = lang != NULL && strncmp(lang, "zh", 2) == 0 ? SAY_ZH : SAY_EN;
}

enum say_lang say_lang(void)
{
    return chosen;
}

const char *say_in(enum say id, enum say_lang lang)
{
    return texts[id][lang];
}

const char *say(enum say id)
{
    return say_in(id, chosen);
}
