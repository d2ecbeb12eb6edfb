#!/bin/sh
# A pooler (pgbouncer) for tests, in front of the cluster with this socket folder and port, with so many connections to it. Prints the
# part of its addresses that names it, and does what the lines on standard input say:
#
#   start MODE ROUND  begins, in this mode of pooling, going round the connections (1) or not (0); "started" is printed when it answers
#   end SIGNAL        ends by this signal; "ended" is printed when it has
#
# It runs until standard input ends, whichever way the caller has ended, and removes everything.
set -eu

# pgbouncer refuses to run as root.
as=""
if [ "$(id -u)" = 0 ]; then
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
fi
# Debian keeps it where not everybody looks.
PATH="$PATH:/usr/sbin"
if ! command -v pgbouncer >/dev/null; then
    echo "pgbouncer is not installed: \`cargo xtask test\` installs it, or install Debian's package pgbouncer" >&2
    exit 1
fi

# Short: the name of a socket may not have more than some hundred bytes.
home=$(mktemp -d /tmp/carnet-pgbouncer.XXXXXX)
pooler=""
finish() {
    if [ -n "$pooler" ]; then kill -KILL "$pooler" 2>/dev/null || true; fi
    rm -rf "$home"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$as" ]; then chown nobody "$home"; fi
echo '"carnet" ""' >"$home/users"

settings() {
    cat <<EOF
[databases]
* = host=$1 port=$2
[pgbouncer]
listen_port = 6432
unix_socket_dir = $home
auth_type = trust
auth_file = $home/users
default_pool_size = $3
pool_mode = $4
server_round_robin = $5
server_login_retry = 1
; what psql says in the tests
ignore_startup_parameters = options
EOF
}
start() {
    settings "$@" >"$home/settings.ini"
    $as pgbouncer "$home/settings.ini" >>"$home/log" 2>&1 </dev/null &
    pooler=$!
    tries=0
    until psql -X -q -h "$home" -p 6432 -U carnet -d postgres -c '' 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$pooler" 2>/dev/null; then
            cat "$home/log" >&2
            exit 1
        fi
        sleep 0.05
    done
    echo started
}

echo "$home" | sed 's|/|%2F|g; s|$|:6432|'
while read -r word one two; do
    case $word in
        start) start "$1" "$2" "$3" "$one" "$two" ;;
        end)
            kill "-$one" "$pooler"
            wait "$pooler" 2>/dev/null || true
            pooler=""
            echo ended
            ;;
    esac
done
