# Makes a cluster in FOLDER, starts its server on PORT of 127.0.0.1, and says `ready`. Then it waits for the end of
# its standard input, which comes whatever ends the process that holds the other end, stops the server and removes
# FOLDER. If the server does not start, it says why instead. The first line of its input is the password of the user
# `postgres`.
#
# arguments: FOLDER, which is there; BIN, where the server's programs are; PORT

set -eu
folder=$1 bin=$2 port=$3
data=$folder/data
log=$folder/log
server=
exec 2>>"$log"

finish() {
    status=$?
    trap - EXIT
    # Nobody may be there any more to read it.
    [ "$status" -eq 0 ] || cat "$log" || true
    if [ -n "$server" ]; then
        # At once: no data is kept, so no checkpoint is worth waiting for. Of its own processes the server kills
        # those that have not ended after 5 seconds.
        kill -s QUIT "$server" && wait "$server" || true
    fi
    cd /
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
# Whoever no longer listens must not end this before its time.
trap '' PIPE

IFS= read -r password
(umask 077 && printf '%s\n' "$password" >"$folder/password")
"$bin/initdb" -D "$data" -U postgres --auth=scram-sha-256 --pwfile="$folder/password" --encoding=UTF8 --locale=C \
    --no-sync --no-instructions </dev/null >>"$log"
rm "$folder/password"

# `fsync` and `full_page_writes` stay on: tests kill processes and look at what was kept.
cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 100
shared_buffers = 32MB
timezone = 'UTC'
log_timezone = 'UTC'
END
# Not with pg_ctl, which leaves its server to process 1; that may be one that never asks how its children ended.
"$bin/postgres" -D "$data" </dev/null >>"$log" 2>&1 &
server=$!

looks=0
until "$bin/pg_isready" --quiet --host=127.0.0.1 --port="$port" --timeout=1; do
    kill -s 0 "$server"
    looks=$((looks + 1))
    [ "$looks" -lt 600 ]
    sleep 0.05
done
kill -s 0 "$server"
echo ready

while IFS= read -r _; do :; done
