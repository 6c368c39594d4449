/* did:key texts of strangers: there is one text for a key. And keys that are
 * none: 32 bytes of anything make a text that is read back or refused. */
#include <stdlib.h>
#include <string.h>

#include "crypto/did.h"
#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct author_id author;
    struct author_id back;
    char text[DID_TEXT_MAX];

    if (crypto_init(NULL) != 0)
        abort();
    if (did_decode((const char *)data, size, &author, NULL) == 0) {
        did_encode(&author, text);
        if (strlen(text) != size || memcmp(text, data, size) != 0)
            abort();
    }
    if (size == sizeof author.b) {
        memcpy(author.b, data, size);
        did_encode(&author, text);
        if (did_decode(text, strlen(text), &back, NULL) == 0 &&
            !author_id_eq(&author, &back))
            abort();
    }
    return 0;
}
