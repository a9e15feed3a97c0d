#!/bin/sh
# Login roles and the database, once, when the server's data directory is new; what a role may do, migrations say.
set -eu
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set owner="$KOC_OWNER_PASSWORD" --set writer="$KOC_WRITER_PASSWORD" --set reader="$KOC_READER_PASSWORD" <<'SQL'
CREATE ROLE koc_owner LOGIN PASSWORD :'owner';
CREATE ROLE koc_writer LOGIN PASSWORD :'writer';
CREATE ROLE koc_reader LOGIN PASSWORD :'reader';
CREATE DATABASE koc OWNER koc_owner;
ALTER DATABASE koc SET timezone = 'UTC';
SQL
