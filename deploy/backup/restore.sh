#!/bin/sh
# Restore a backup into an empty database: restore.sh FILE. The server is named by libpq's variables, as in backup.sh.
#
# Nothing that exists is overwritten: a database with tables in it is refused. Afterwards run python -m db.migrate, which
# brings the schema to the version of the code and gives the application's role its rights.

set -eu
file=${1:?restore.sh FILE}
database=${PGDATABASE:?}
[ -r "$file" ] || {
    echo "restore failed: $file cannot be read" >&2
    exit 1
}
tables=$(psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --command \
    "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
[ "$tables" = 0 ] || {
    echo "restore failed: $database has $tables tables; restore into an empty database" >&2
    exit 1
}
pg_restore --no-owner --no-privileges --exit-on-error --single-transaction --dbname "$database" "$file"
echo "restored $(basename "$file") into $database; now run python -m db.migrate"
