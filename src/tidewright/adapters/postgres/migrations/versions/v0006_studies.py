"""Studies: their trials, who has taken on which, and the journal of a search that learns."""

from alembic import op

revision = "0006"
down_revision = "0005"

UPGRADE = (
    """
    CREATE TABLE studies (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key text NOT NULL UNIQUE,
        definition text NOT NULL,
        created timestamptz NOT NULL DEFAULT now()
    )""",
    "COMMENT ON TABLE studies IS 'Searches of parameters; definition is JSON: what all trials of a study have in common'",
    """
    CREATE TABLE study_trials (
        study_id integer NOT NULL REFERENCES studies ON DELETE CASCADE,
        number integer NOT NULL,
        state text NOT NULL CHECK (state IN ('Complete', 'Pruned', 'Failed')),
        reason text NOT NULL,
        message text NOT NULL,
        parameters json NOT NULL,
        trial_values text NOT NULL,
        violations text NOT NULL,
        in_sample bytea NOT NULL,
        out_of_sample bytea NOT NULL,
        returns bytea NOT NULL,
        feasible boolean NOT NULL,
        stored timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (study_id, number)
    )""",
    "COMMENT ON TABLE study_trials IS 'Trials that are finished; the tables and returns are little-endian float64, values and violations JSON with NaN and Infinity'",
    # Noise does not compress: trying to costs more than all else of a write.
    *(
        f"ALTER TABLE study_trials ALTER {column} SET STORAGE EXTERNAL"
        for column in ("in_sample", "out_of_sample", "returns")
    ),
    """
    CREATE TABLE study_claims (
        study_id integer NOT NULL REFERENCES studies ON DELETE CASCADE,
        number integer NOT NULL,
        worker text NOT NULL,
        request text NOT NULL,
        until timestamptz NOT NULL,
        attempt integer NOT NULL,
        PRIMARY KEY (study_id, number)
    )""",
    "COMMENT ON TABLE study_claims IS 'Trials that a worker has taken on and not finished; from until on they are anybody''s'",
    """
    CREATE TABLE study_journal (
        study_id integer NOT NULL REFERENCES studies ON DELETE CASCADE,
        number bigint NOT NULL,
        batch text NOT NULL,
        entry bytea NOT NULL,
        PRIMARY KEY (study_id, number)
    )""",
    "CREATE INDEX ON study_journal (study_id, batch)",
    "COMMENT ON TABLE study_journal IS 'The journal of Optuna, an operation a row, in the order in which they happened'",
    """
    CREATE FUNCTION study_of(text) RETURNS integer LANGUAGE plpgsql STABLE AS $$
    DECLARE found integer;
    BEGIN
        SELECT s.id INTO found FROM studies s WHERE s.key = $1;
        IF found IS NULL THEN
            RAISE no_data_found USING MESSAGE = 'there is no study ' || $1;
        END IF;
        RETURN found;
    END $$""",
    "COMMENT ON FUNCTION study_of IS 'The id of a study by its key; the error no_data_found where there is none'",
    # Each statement of a function sees what was committed before it began: after the lock, all that those before have written.
    """
    CREATE FUNCTION claim_trials(study text, by text, asking text, below integer, most integer, lease interval)
    RETURNS TABLE (first integer, stop integer, attempts integer) LANGUAGE plpgsql AS $$
    DECLARE
        the_study integer := study_of(study);
        fresh integer;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('tidewright study claims'), the_study);
        IF NOT EXISTS (SELECT FROM study_claims c WHERE c.study_id = the_study AND c.worker = by AND c.request = asking) THEN
            SELECT 1 + greatest(
                coalesce((SELECT max(t.number) FROM study_trials t WHERE t.study_id = the_study), -1),
                coalesce((SELECT max(c.number) FROM study_claims c WHERE c.study_id = the_study), -1)) INTO fresh;
            INSERT INTO study_claims
                SELECT the_study, g.number, by, asking, clock_timestamp() + lease, 1
                FROM generate_series(fresh, least(fresh + most, below) - 1) AS g (number);
            IF NOT FOUND THEN
                WITH expired AS (
                    SELECT c.number FROM study_claims c
                    WHERE c.study_id = the_study AND c.number < below AND c.until <= clock_timestamp() ORDER BY c.number LIMIT most
                ), neighbours AS (
                    SELECT e.number, e.number - row_number() OVER (ORDER BY e.number) = min(e.number) OVER () - 1 AS near FROM expired e
                )
                UPDATE study_claims c
                SET worker = by, request = asking, until = clock_timestamp() + lease, attempt = c.attempt + 1
                FROM neighbours n WHERE c.study_id = the_study AND c.number = n.number AND n.near;
            END IF;
        END IF;
        RETURN QUERY
            SELECT min(c.number), max(c.number) + 1, (array_agg(c.attempt ORDER BY c.number))[1] FROM study_claims c
            WHERE c.study_id = the_study AND c.worker = by AND c.request = asking HAVING count(*) > 0;
    END $$""",
    "COMMENT ON FUNCTION claim_trials IS 'Takes on neighbouring numbers for a worker: new ones, or else some that have expired; asking again with the same request gives the same'",
    """
    CREATE FUNCTION append_to_journal(study text, the_batch text, entries bytea[], after bigint)
    RETURNS SETOF bytea LANGUAGE plpgsql AS $$
    DECLARE the_study integer := study_of(study);
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('tidewright study journal'), the_study);
        IF NOT EXISTS (SELECT FROM study_journal j WHERE j.study_id = the_study AND j.batch = the_batch) THEN
            INSERT INTO study_journal
                SELECT the_study, coalesce((SELECT max(j.number) FROM study_journal j WHERE j.study_id = the_study), -1) + given.place, the_batch, given.entry
                FROM unnest(entries) WITH ORDINALITY AS given (entry, place);
        END IF;
        RETURN QUERY SELECT j.entry FROM study_journal j WHERE j.study_id = the_study AND j.number >= after ORDER BY j.number;
    END $$""",
    "COMMENT ON FUNCTION append_to_journal IS 'Appends a batch once, however often it is repeated, and gives all entries from a number on'",
    "GRANT SELECT ON studies, study_trials, study_claims, study_journal TO tidewright_reader",
    "GRANT INSERT ON studies, study_trials, study_claims, study_journal TO tidewright_writer",
    "GRANT UPDATE, DELETE ON study_claims TO tidewright_writer",
    "GRANT DELETE ON studies TO tidewright_writer",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION append_to_journal, claim_trials, study_of")
    op.execute("DROP TABLE study_journal, study_claims, study_trials, studies")
