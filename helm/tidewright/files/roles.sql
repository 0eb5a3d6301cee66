-- The users of the platform's own server and its databases; once more changes nothing but a password that is another by now.
-- Passwords are files in /passwords, and in no log: not even that of a statement that fails.
\set ON_ERROR_STOP on
SET log_min_error_statement = panic;
SET client_min_messages = warning;
\set migrator `cat /passwords/migrator`
\set writer `cat /passwords/writer`
\set reader `cat /passwords/reader`
\set trials `cat /passwords/trials`
\set mlflow `cat /passwords/mlflow`
\set backup `cat /passwords/backup`

SELECT format('CREATE ROLE %I %s', name, kind)
FROM (
    SELECT unnest(ARRAY['tidewright_reader', 'tidewright_writer', 'tidewright_migrator']) AS name, 'NOLOGIN' AS kind
    UNION ALL SELECT unnest(ARRAY['migrator', 'writer', 'reader', 'trials', 'mlflow', 'backup']), 'LOGIN'
) AS wanted
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE migrator PASSWORD :'migrator';
ALTER ROLE writer PASSWORD :'writer';
ALTER ROLE reader PASSWORD :'reader';
ALTER ROLE trials PASSWORD :'trials';
ALTER ROLE mlflow PASSWORD :'mlflow';
ALTER ROLE backup PASSWORD :'backup';
GRANT tidewright_reader TO tidewright_writer, reader, trials;
GRANT tidewright_writer TO writer;
GRANT tidewright_migrator TO migrator;
GRANT pg_read_all_data TO backup;

SELECT format('CREATE DATABASE %I', name)
FROM unnest(ARRAY['tidewright', 'mlflow']) AS name
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
ALTER DATABASE mlflow OWNER TO mlflow;
REVOKE ALL ON DATABASE tidewright, mlflow, postgres FROM PUBLIC;
GRANT CREATE, CONNECT, TEMPORARY ON DATABASE tidewright TO migrator;
GRANT CONNECT, TEMPORARY ON DATABASE tidewright TO tidewright_reader;
GRANT CONNECT ON DATABASE tidewright, mlflow TO backup;
