#!/bin/sh
# demo.sh LYCEUM: the main job on a real course, as a person would do it. An expert
# publishes the Debian Administrator's Handbook with a video; two learners fetch
# it, the second from the expert and the first at once; every byte is checked.
set -eu
lyceum=$(readlink -f "$1")
room=$(mktemp -d)
pids=
trap 'kill $pids 2>/dev/null; wait; rm -rf "$room"' EXIT
trap 'exit 130' INT TERM
cd "$room"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
    printf '$ %s\n' "$*" | sed "s|$lyceum|lyceum|g; s|$room/||g"
    "$@"
}
node() { # HOME -> waits for its line "ready ADDRESS KEY", sets $peer
    "$lyceum" --home "$1" node run --listen 127.0.0.1:0 >"$1.ready" \
        2>"$1.log" &
    pids="$pids $!"
    while ! grep -q '^ready' "$1.ready"; do sleep 0.05; done
    peer=$(awk '{ print $2 "@" $3 }' "$1.ready")
}

say "A course: the Debian Administrator's Handbook and a video with sound"
mkdir -p course/video
cp -r /usr/share/doc/debian-handbook/html course/book
printf "# The Debian Administrator's Handbook\n\nWith a video.\n" \
    >course/README.md
ffmpeg -nostdin -loglevel error -f lavfi -i testsrc2=size=1280x720:rate=25:d=120 \
    -f lavfi -i sine=frequency=330:duration=120 -c:v libx264 -preset ultrafast \
    -c:a aac -shortest course/video/welcome.mkv
du -sh course | sed 's/^/  /'

say "1. The expert publishes it, signed"
show "$lyceum" --home expert init --name "Ada" --no-passphrase
show "$lyceum" --home expert publish course
node expert
expert=$peer
ticket=$("$lyceum" --home expert ticket debian-administrator-s-handbook 2>/dev/null ||
    "$lyceum" --home expert --json ls | sed 's/.*"course": *"\([0-9a-f]*\)".*/\1/' |
    xargs "$lyceum" --home expert ticket)

say "2. A learner fetches it with the ticket"
show "$lyceum" --home learner1 get "$ticket" --to learner1-course
node learner1
first=$peer

say "3. Another fetches from both at once"
show "$lyceum" --home learner2 get "$ticket" --peer "$first" --to learner2-course

say "4. Every byte is what the expert signed"
show "$lyceum" --home learner2 verify --all
diff -r course learner2-course && echo "diff -r: no difference"
show "$lyceum" --home learner2 ls

say "Done. The nodes stop, the scratch folder goes. Next: lyceum help"
: "$expert"
