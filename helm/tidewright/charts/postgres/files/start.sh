# Starts the server, and makes its files the first time: all of them or none.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA.unfinished"
    initdb --pgdata="$PGDATA.unfinished" --username=postgres --pwfile="$PASSWORDS/admin" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    mv "$PGDATA.unfinished" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c config_file="$CONFIGURATION/postgresql.conf" -c hba_file="$CONFIGURATION/pg_hba.conf"
