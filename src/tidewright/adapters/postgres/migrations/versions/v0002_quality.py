"""Reports of validations and drifts, and the quarantine of what was refused."""

from alembic import op

revision = "0002"
down_revision = "0001"

UPGRADE = (
    """
    CREATE TABLE validation_reports (
        id text PRIMARY KEY,
        kind text NOT NULL,
        subject text NOT NULL,
        created timestamptz NOT NULL,
        passed boolean NOT NULL,
        content json NOT NULL
    )""",
    "CREATE INDEX ON validation_reports (created DESC, id DESC)",
    """
    CREATE TABLE quarantine (
        id text COLLATE "C" PRIMARY KEY,
        topic text NOT NULL,
        data bytea NOT NULL,
        reasons json NOT NULL,
        rejected timestamptz NOT NULL,
        attempts integer NOT NULL CHECK (attempts > 0)
    )""",
    "COMMENT ON TABLE quarantine IS 'Messages that broke rules, by the digest of topic and message, until they are let out'",
    "GRANT SELECT ON validation_reports, quarantine TO tidewright_reader",
    "GRANT INSERT, UPDATE ON validation_reports, quarantine TO tidewright_writer",
    "GRANT DELETE ON quarantine TO tidewright_writer",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE quarantine, validation_reports")
