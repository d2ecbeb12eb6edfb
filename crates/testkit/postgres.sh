#!/bin/sh
# A PostgreSQL cluster for tests: nothing durable, reached by a socket in a folder of its own. Prints its address
# when it is ready, runs until standard input ends, whichever way the caller has ended, and removes everything.
#
# With the word "pair", there is a second cluster that follows the first one, and every commit of the first waits until the
# second has it. The address names both. The line "fail" on standard input stops the first at once, as if its machine had
# died, and makes the second the one that takes writes; then "promoted" is printed.
#
# With the word "durable" and a folder of its own, which must not exist, it is as safe as a cluster is by default, and lies
# there: for measurements.
#
# With the word "small", a folder, and "tables" or "log", these lie in that folder, on a disk of its own perhaps, and it is as safe as a
# cluster is by default. The line "start" on standard input starts it again where it has ended; "started" is printed when it answers.
#
# With a folder and a port, it can be reached by that port of this machine as well, with TLS only, by the server.crt and
# server.key in that folder.
set -eu

# PostgreSQL refuses to run as root.
as=""
if [ "$(id -u)" = 0 ]; then
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
fi
# Debian keeps the server's programs out of the way.
for folder in /usr/lib/postgresql/*/bin; do
    PATH="$folder:$PATH"
done
if ! command -v initdb >/dev/null || ! command -v psql >/dev/null; then
    echo "PostgreSQL is not installed: \`cargo xtask test\` installs it, or install Debian's package postgresql" >&2
    exit 1
fi

small=""
if [ "${1:-}" = durable ]; then
    place=$2
    shift 2
    mkdir "$place"
    unsafe="-c fsync=on -c shared_buffers=512MB -c wal_compression=lz4 -c min_wal_size=4GB -c max_wal_size=8GB -c checkpoint_timeout=15min"
elif [ "${1:-}" = small ]; then
    place=""
    small=$2
    part=$3
    shift 3
    unsafe="-c fsync=on -c shared_buffers=16MB"
    # Little is kept of it for later, so that it comes to its end soon where there is no more room.
    if [ "$part" = log ]; then unsafe="$unsafe -c min_wal_size=2MB -c max_wal_size=8MB"; fi
else
    place=""
    unsafe="-c fsync=off -c full_page_writes=off -c shared_buffers=64MB"
fi

# Short: the name of a socket may not have more than some hundred bytes.
home=$(mktemp -d /tmp/carnet-postgres.XXXXXX)
server=""
second=""
finish() {
    # The one that follows first: the other one would wait for it.
    for each in $second $server; do
        kill -INT "$each" 2>/dev/null || true
        wait "$each" 2>/dev/null || true
    done
    rm -rf "$home" $place
}
# Waits until a cluster that was started answers by this socket folder and port.
ready() {
    tries=0
    until psql -X -q -h "$1" -p "$2" -U carnet -d postgres -c '' 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$3" 2>/dev/null; then
            cat "$home"/*.log >&2
            exit 1
        fi
        sleep 0.1
    done
}
named() {
    echo "$1" | sed 's|/|%2F|g'
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
if [ -n "$place" ]; then ln -s "$place" "$home/data"; fi
if [ -n "$as" ]; then chown nobody "$home" $place; fi
cd "$home"
apart=""
if [ -n "$small" ]; then
    if [ -n "$as" ]; then chown nobody "$small"; fi
    if [ "$part" = log ]; then
        apart="--waldir=$small/log --wal-segsize=1"
    else
        apart="--waldir=$home/log --wal-segsize=1"
        mkdir "$small/data"
        if [ -n "$as" ]; then chown nobody "$small/data"; fi
        ln -s "$small/data" "$home/data"
    fi
fi

$as initdb --pgdata="$home/data" $apart --username=carnet --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync \
    >"$home/initdb.log" 2>&1 || { cat "$home/initdb.log" >&2; exit 1; }
tls="-c listen_addresses= -c port=${2:-5432}"
if [ $# = 2 ]; then
    cp "$1/server.crt" "$1/server.key" "$home"
    chmod 600 "$home/server.key"
    if [ -n "$as" ]; then chown nobody "$home/server.crt" "$home/server.key"; fi
    printf 'local all all trust\nhostssl all all all trust\n' >"$home/data/pg_hba.conf"
    tls="-c listen_addresses=localhost -c port=$2 -c ssl=on -c ssl_cert_file=$home/server.crt -c ssl_key_file=$home/server.key"
fi
begin() {
    $as postgres -D "$home/data" -k "$home" $tls $unsafe \
        -c max_connections=300 -c log_min_messages=fatal >>"$home/server.log" 2>&1 </dev/null &
    server=$!
}
begin
ready "$home" "${2:-5432}" "$server"
if [ "${1:-}" = pair ]; then
    mkdir "$home/second"
    if [ -n "$as" ]; then chown nobody "$home/second"; fi
    $as pg_basebackup -h "$home" -U carnet -D "$home/second/data" -R -c fast --no-sync >"$home/copy.log" 2>&1 \
        || { cat "$home/copy.log" >&2; exit 1; }
    $as postgres -D "$home/second/data" -k "$home/second" -c listen_addresses= -c fsync=off -c full_page_writes=off \
        -c max_connections=300 -c shared_buffers=64MB -c log_min_messages=fatal >"$home/second.log" 2>&1 </dev/null &
    second=$!
    ready "$home/second" 5432 "$second"
    psql -X -q -h "$home" -U carnet -d postgres -c "ALTER SYSTEM SET synchronous_standby_names = '*'" \
        -c "SELECT pg_reload_conf()" >/dev/null
    echo "postgres://carnet@$(named "$home"),$(named "$home/second")/postgres?target_session_attrs=read-write"
    while read -r word; do
        if [ "$word" = fail ]; then
            kill -QUIT "$server"
            wait "$server" 2>/dev/null || true
            server=""
            $as pg_ctl -D "$home/second/data" -w promote >"$home/promote.log" 2>&1 || cat "$home/promote.log" >&2
            echo promoted
        fi
    done
    exit 0
fi
echo "postgres://carnet@$(named "$home"):${2:-5432}/postgres"
if [ -n "$small" ]; then
    while read -r word; do
        if [ "$word" = start ]; then
            until psql -X -q -h "$home" -U carnet -d postgres -c '' 2>/dev/null; do
                kill -0 "$server" 2>/dev/null || begin
                sleep 0.1
            done
            echo started
        fi
    done
    exit 0
fi
cat >/dev/null
