/* A ticket that is accepted makes a ticket that says the same. */
#include <stdlib.h>
#include <string.h>

#include "node/wire/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf one = BUF_INIT;
    struct buf two = BUF_INIT;
    struct peer_address a;
    struct ticket t;
    struct ticket u;

    (void)peer_address_parse((const char *)data, size, &a, NULL);
    ticket_init(&t);
    ticket_init(&u);
    if (ticket_decode((const char *)data, size, &t, NULL) == 0 &&
        ticket_encode(&t, &one) == 0 && one.len <= TICKET_MAX) {
        if (ticket_decode((const char *)one.base, one.len, &u, NULL) != 0 ||
            ticket_encode(&u, &two) != 0 || one.len != two.len ||
            memcmp(one.base, two.base, one.len) != 0)
            abort();
    }
    ticket_deinit(&t);
    ticket_deinit(&u);
    buf_deinit(&one);
    buf_deinit(&two);
    return 0;
}
