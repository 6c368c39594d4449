#!/bin/sh
# story.sh: runs as root on a booted system that has the package and two people,
# ada and bob, and no network but loopback. Ada's own node, the system's node in
# its sandbox, and bob as a learner; then upgrade, removal, purge.
set -eux

as() { # USER COMMAND...
    who=$1
    shift
    (cd "/home/$who" && runuser -u "$who" -- env "HOME=/home/$who" \
        "XDG_RUNTIME_DIR=/run/user/$(id -u "$who")" LANG=C.UTF-8 "$@")
}
service() { # COMMAND... to the system's node
    (cd / && runuser -u lyceum -- lyceum --home /var/lib/lyceum "$@")
}
of() { # what systemd knows of the system's node
    systemctl show -P "$1" lyceum
}
soon() { # COMMAND... is true within ten seconds
    for _ in $(seq 100); do
        if "$@"; then return 0; fi
        sleep 0.1
    done
    return 1
}
never() { # COMMAND... fails: "set -e" does not look at "!"
    if "$@"; then return 1; fi
}

# The units are sound, and neither starts by itself.
systemd-analyze verify --man=no lyceum.service
systemd-analyze security --threshold=20 --no-pager lyceum.service >/dev/null
test "$(systemctl is-enabled lyceum)" = disabled
test "$(of ActiveState)" = inactive

# Ada publishes; her own service says when it is ready.
loginctl enable-linger ada
soon test -S "/run/user/$(id -u ada)/systemd/private"
as ada systemd-analyze verify --man=no --user /usr/lib/systemd/user/lyceum.service
as ada lyceum init --name Ada --no-passphrase
as ada lyceum config set listen 127.0.0.1:0
as ada lyceum new git-basics
as ada sh -c 'head -c 3000000 /dev/urandom >git-basics/clip.mp4'
as ada lyceum publish git-basics
as ada systemctl --user start lyceum
as ada systemctl --user is-active lyceum
ticket=$(as ada lyceum ticket my-course)

# The system's node, in its sandbox, fetches, checks and serves it.
systemctl start lyceum
test "$(of ActiveState)" = active
test "$(of StatusText)" = "0.0.0.0:7460"
grep -q '^Seccomp:.2$' "/proc/$(of MainPID)/status"
grep -q '^NoNewPrivs:.1$' "/proc/$(of MainPID)/status"
grep -q '^CapBnd:.0*$' "/proc/$(of MainPID)/status"
test "$(stat -c '%U %a' /var/lib/lyceum)" = "lyceum 700"
service get "$ticket"
service verify --all
service status
as ada systemctl --user stop lyceum
key=$(service --json status | sed 's/.*"node":"\([0-9a-f]*\)".*/\1/')
as bob lyceum get "$ticket" --peer "127.0.0.1:7460@$key"
as bob lyceum export my-course out
diff -r /home/ada/git-basics /home/bob/out
test "$(journalctl -q -u lyceum -p warning)" = ""

# A node whose loop does not turn is started anew.
mkdir -p /run/systemd/system/lyceum.service.d
printf '[Service]\nWatchdogSec=1\nRestartSec=100ms\nTimeoutAbortSec=1\n' \
    >/run/systemd/system/lyceum.service.d/quick.conf
systemctl daemon-reload
systemctl restart lyceum
sleep 3
test "$(of NRestarts)" = 0
kill -STOP "$(of MainPID)"
restarted() { test "$(of NRestarts)" = 1 && test "$(of ActiveState)" = active; }
soon restarted
rm -r /run/systemd/system/lyceum.service.d
systemctl daemon-reload
service verify --all

# An upgrade restarts what runs; a removal stops it and keeps what it held.
pid=$(of MainPID)
dpkg -i /story/lyceum.deb
test "$(of ActiveState)" = active
test "$(of MainPID)" != "$pid"
dpkg --remove lyceum
never pgrep -u lyceum lyceum
test -s /var/lib/lyceum/node.key
never test -e /usr/bin/lyceum

# A purge takes the system's node with it, not what people have.
dpkg --purge lyceum
never test -e /var/lib/lyceum
never getent passwd lyceum
never getent group lyceum
test -s /home/ada/.local/share/lyceum/identity.key
echo "the story ends well"
