#!/bin/sh
# core_symbols.sh LIBRARY: no object of the core may want a symbol that reaches
# the world: clocks, files, sockets, threads, chance.
set -eu
wanted=$(nm -u "$1" | awk 'NF == 2 && $1 == "U" { print $2 }' | sort -u)
forbidden='^(time|clock_gettime|gettimeofday|nanosleep|usleep|sleep|open|openat|
fopen|read|pread|write|pwrite|close|unlink|rename|stat|fstat|mmap|socket|connect|
bind|listen|accept|send|recv|sendto|recvfrom|poll|select|epoll_.*|getrandom|
getentropy|rand|srand|random|randombytes.*|pthread_.*|fork|exec.*|uv_.*|zmq_.*|
sqlite3_.*|getenv|system)(@.*)?$'
found=$(printf '%s\n' "$wanted" |
    grep -E "$(printf '%s' "$forbidden" | tr -d '\n')" || true)
if [ -n "$found" ]; then
    printf 'the core reaches the world through:\n%s\n' "$found" >&2
    exit 1
fi
echo "$(printf '%s\n' "$wanted" | wc -l) symbols wanted, none forbidden"
