"""How far the collector has come, and the histories that it was asked to fetch."""

from alembic import op

revision = "0004"
down_revision = "0003"

UPGRADE = (
    """
    CREATE TABLE collection_progress (
        instrument_id integer NOT NULL REFERENCES instruments,
        stream text NOT NULL,
        last_id bigint,
        last_time timestamptz NOT NULL,
        updated timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (instrument_id, stream)
    )""",
    "COMMENT ON TABLE collection_progress IS 'The newest trade, or bar of a timeframe, that was collected; stream is trades or the timeframe'",
    """
    CREATE TABLE backfills (
        id text PRIMARY KEY,
        instrument_id integer NOT NULL REFERENCES instruments,
        timeframe text NOT NULL,
        period tstzrange NOT NULL CHECK (NOT isempty(period)),
        state text NOT NULL CHECK (state IN ('Waiting', 'Running', 'Complete', 'Failed')),
        done_until timestamptz,
        message text NOT NULL DEFAULT '',
        created timestamptz NOT NULL DEFAULT now(),
        updated timestamptz NOT NULL DEFAULT now()
    )""",
    "CREATE INDEX ON backfills (created DESC)",
    "GRANT SELECT ON collection_progress, backfills TO tidewright_reader",
    "GRANT INSERT, UPDATE ON collection_progress, backfills TO tidewright_writer",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE backfills, collection_progress")
