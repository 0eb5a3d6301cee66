# Dumps every database, and forgets the oldest dumps. A dump has its name once it is whole, readable and on disk.
set -eu
umask 077
PGPASSWORD=$(cat "$PASSWORDS/backup")
export PGPASSWORD
for database in tidewright mlflow; do
    dump=$BACKUPS/$database-$(date -u +%Y%m%dT%H%M%SZ).dump
    pg_dump --format=custom --dbname="$database" --file="$dump.unfinished"
    pg_restore --list "$dump.unfinished" > /dev/null
    sync "$dump.unfinished"
    mv "$dump.unfinished" "$dump"
    echo "$dump: $(wc -c < "$dump") bytes"
    # Their names sort as their times do.
    find "$BACKUPS" -maxdepth 1 -name "$database-*.dump" | sort -r | tail -n "+$((KEEP + 1))" | xargs -r rm --
done
find "$BACKUPS" -maxdepth 1 -name '*.unfinished' -mtime +1 -delete
