#!/bin/sh
# Back the database up, and prove each backup by restoring it: backup.sh once, or backup.sh daily HH:MM (UTC).
#
# The server is named by libpq's own variables (PGHOST, PGUSER, PGPASSWORD, PGDATABASE), as a role that may create
# databases. BACKUP_FOLDER (/backups) holds the newest BACKUP_KEEP (14) of them, each readable by its owner alone. A backup
# counts once it was restored into a scratch database, with every table and no fewer rows than before it was begun in those
# that only grow. Then it is noted in the table `backups`, whose age provisioning measures and an alert watches. A failure is
# one line on stderr and status 1.

set -eu
umask 077
folder=${BACKUP_FOLDER:-/backups}
keep=${BACKUP_KEEP:-14}
scratch="backup_check_$$"

say() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }

fail() {
    say "backup failed: $*" >&2
    exit 1
}

ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }

# Every table and how many rows it has, one a line: `calls 120`.
count_rows() {
    ask --dbname "$1" --field-separator ' ' <<'SQL'
SELECT format('SELECT %L, count(*) FROM %I', tablename, tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename
\gexec
SQL
}

# Restore the file $1 beside the database, and compare it with the rows counted before, $2.
prove() {
    createdb --template template0 "$scratch" || fail "no scratch database"
    trap 'dropdb --if-exists --force "$scratch"' EXIT
    pg_restore --no-owner --no-privileges --exit-on-error --dbname "$scratch" "$1" || fail "it cannot be restored"
    count_rows "$scratch" >"$1.restored"
    printf '%s\n' "$2" | while read -r table rows; do
        found=$(sed -n "s/^$table //p" "$1.restored")
        [ -n "$found" ] || fail "the table $table is missing"
        case $table in
        organisations | alembic_version | audit_entries) [ "$found" -ge "$rows" ] || fail "$table lacks rows" ;;
        esac
    done || exit 1
    rm "$1.restored"
    dropdb --force "$scratch"
    trap - EXIT
}

once() {
    mkdir -p "$folder"
    database=${PGDATABASE:?}
    file="$folder/bilby-$(date -u +%Y%m%dT%H%M%SZ).dump"
    before=$(count_rows "$database") || fail "the database does not answer"
    rm -f "$folder"/*.part "$folder"/*.restored
    pg_dump --format custom --file "$file.part" "$database" || fail "pg_dump ended with $?"
    prove "$file.part" "$before"
    mv "$file.part" "$file"
    bytes=$(wc -c <"$file")
    ask --dbname "$database" --command "INSERT INTO backups (bytes) VALUES ($bytes)" || fail "it cannot be noted"
    ls "$folder"/bilby-*.dump | sort -r | tail -n +"$((keep + 1))" | while read -r old; do rm "$old"; done
    say "backup done: $(basename "$file"), $bytes bytes, restored and counted"
}

# Seconds until the next HH:MM UTC.
until_time() {
    now=$(date -u +%s)
    due=$(date -u -d "$(date -u +%Y-%m-%d) $1" +%s)
    [ "$due" -gt "$now" ] || due=$((due + 86400))
    echo $((due - now))
}

case ${1:-} in
once) once ;;
daily)
    while :; do
        sleep "$(until_time "${2:?}")" &
        wait $! # so that a signal ends the wait
        "$0" once || say "the next try is tomorrow" >&2
    done
    ;;
*)
    echo "backup.sh once | daily HH:MM" >&2
    exit 2
    ;;
esac
