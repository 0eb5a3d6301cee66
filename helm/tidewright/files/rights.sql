-- What needs the tables to be there: whoever works on studies may do with their tables what a writer may, and with no others.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT format('GRANT %s ON %I.%I TO trials', string_agg(privilege_type, ', '), table_schema, table_name)
FROM information_schema.role_table_grants
WHERE grantee = 'tidewright_writer' AND table_schema = 'tidewright' AND (table_name = 'studies' OR table_name LIKE 'study\_%')
GROUP BY table_schema, table_name \gexec
