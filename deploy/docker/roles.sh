#!/bin/sh
# Roles and the database, once, when the server's data directory is new; what a role may do, migrations say.
# koc_operator and koc_payer are groups: give each person a login of their own, `CREATE ROLE ann LOGIN PASSWORD '…' IN
# ROLE koc_operator`. Decisions are recorded under that name. Whoever exports payment files is in koc_payer too.
set -eu
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    --set owner="$KOC_OWNER_PASSWORD" --set writer="$KOC_WRITER_PASSWORD" --set reader="$KOC_READER_PASSWORD" \
    --set operator="$KOC_OPERATOR_PASSWORD" --set approver="$KOC_APPROVER_PASSWORD" \
    --set payer="$KOC_PAYER_PASSWORD" <<'SQL'
CREATE ROLE koc_owner LOGIN CREATEDB PASSWORD :'owner';
CREATE ROLE koc_writer LOGIN PASSWORD :'writer';
CREATE ROLE koc_reader LOGIN PASSWORD :'reader';
CREATE ROLE koc_operator NOLOGIN IN ROLE koc_writer;
CREATE ROLE koc_payer NOLOGIN;
CREATE ROLE koc_operator_local LOGIN PASSWORD :'operator' IN ROLE koc_operator;
CREATE ROLE koc_approver_local LOGIN PASSWORD :'approver' IN ROLE koc_operator, koc_payer;
CREATE ROLE koc_payer_local LOGIN PASSWORD :'payer' IN ROLE koc_operator, koc_payer;
CREATE DATABASE koc OWNER koc_owner;
ALTER DATABASE koc SET timezone = 'UTC';
SQL
