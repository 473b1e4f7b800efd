# Starts a throw-away PostgreSQL server and is its parent. postgres.rs runs this, and talks to it through stdin and
# stdout: one line for the start and for each command. When stdin ends, also because the process that runs this was
# killed, the server ends and its folder is removed. $1: to be its standby, how to connect to another server.

# Ctrl-C goes to all processes of a terminal, and nobody may read what this writes. It still has to clean up.
trap '' INT TERM HUP PIPE

if ! command -v initdb >/dev/null || ! command -v postgres >/dev/null; then
    PATH=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1):$PATH
fi
command -v initdb >/dev/null && command -v postgres >/dev/null || { echo "missing"; exit; }
folder=$(mktemp -d 2>/dev/null || mktemp -d /tmp/keywalk.XXXXXX) || { echo "failed: no temporary folder"; exit; }
cd "$folder" || exit
server=

end() {
    [ -z "$server" ] || { kill -QUIT "$server" && wait "$server"; } 2>/dev/null
    cd / && rm -rf "$folder"
    exit
}
fail() { echo "failed: $(tail -n 3 log | tr '\n' ' ')"; end; }

# $1: the number of tries. After a kill, the first ones may find the memory of the killed server still in use.
start() {
    tries=$1
    while [ "$tries" -gt 0 ]; do
        postgres -D data -k "$folder" -c listen_addresses= -c fsync=off -c max_connections=200 </dev/null >>log 2>&1 &
        server=$!
        while kill -0 "$server" 2>/dev/null; do
            case $(sed -n '1p;8p' data/postmaster.pid 2>/dev/null | tr '\n' ' ') in
                "$server ready"*) echo "ready: $folder"; return ;;
            esac
            sleep 0.02
        done
        wait "$server"
        tries=$((tries - 1))
        sleep 0.05
    done
    fail
}

case $1 in
    "") for locale in C.UTF-8 C; do
            initdb -D data -U postgres -A trust -E UTF8 --locale=$locale --no-sync >log 2>&1 && break
        done ;;
    *) pg_basebackup -D data -d "$1" -c fast -R --no-sync >log 2>&1 ;;
esac || fail
start 1
while read -r command; do
    case $command in
        kill) kill -KILL "$server"; wait "$server"; server=; echo "killed" ;;
        start) start 200 ;;
    esac 2>/dev/null
done
end
