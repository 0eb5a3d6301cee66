"""Instruments, their series of bars, candles, trades and funding rates."""

from alembic import op

revision = "0001"
down_revision = None

UPGRADE = (
    """
    CREATE TABLE instruments (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        exchange text NOT NULL,
        symbol text NOT NULL,
        UNIQUE (exchange, symbol)
    )""",
    "COMMENT ON TABLE instruments IS 'What is traded: a symbol of an exchange'",
    """
    CREATE TABLE series (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        instrument_id integer NOT NULL REFERENCES instruments,
        timeframe text NOT NULL,
        step interval NOT NULL CHECK (step > interval '0'),
        revision bigint NOT NULL DEFAULT 0,
        described bigint,
        description json,
        simulated boolean GENERATED ALWAYS AS (coalesce((description ->> 'simulated')::boolean, false)) STORED,
        UNIQUE (instrument_id, timeframe)
    )""",
    "COMMENT ON TABLE series IS 'A series of bars. Whoever writes bars locks its row first, so writers of one series take turns'",
    "COMMENT ON COLUMN series.revision IS 'Rises with every change of the bars; the description is true where described is the same'",
    """
    CREATE TABLE candles (
        series_id integer NOT NULL,
        open_time timestamptz NOT NULL,
        open double precision NOT NULL,
        high double precision NOT NULL,
        low double precision NOT NULL,
        close double precision NOT NULL,
        volume double precision NOT NULL,
        PRIMARY KEY (series_id, open_time)
    ) PARTITION BY RANGE (open_time)""",
    "COMMENT ON TABLE candles IS 'Bars by their open time, a partition a year. No foreign key: it would be asked for every row, and series are not deleted'",
    """
    CREATE TABLE trades (
        instrument_id integer NOT NULL,
        id bigint NOT NULL,
        time timestamptz NOT NULL,
        price double precision NOT NULL,
        quantity double precision NOT NULL,
        buyer_is_maker boolean NOT NULL,
        PRIMARY KEY (instrument_id, id, time)
    ) PARTITION BY RANGE (time)""",
    "COMMENT ON TABLE trades IS 'Single trades by the number that the exchange gave them, a partition a month; who writes them locks the instrument first'",
    """
    CREATE TABLE funding_series (
        instrument_id integer PRIMARY KEY REFERENCES instruments,
        description json NOT NULL
    )""",
    """
    CREATE TABLE funding_rates (
        instrument_id integer NOT NULL REFERENCES funding_series,
        due timestamptz NOT NULL,
        time timestamptz NOT NULL,
        rate double precision NOT NULL,
        PRIMARY KEY (instrument_id, due)
    )""",
    "COMMENT ON TABLE funding_rates IS 'What holders of a perpetual pay each other: due to the second, and the time as it was published'",
    # A partition is made apart and then attached: unlike CREATE TABLE ... PARTITION OF, that holds up nobody who reads or writes. Whether it is there is asked
    # of pg_class, because to_regclass answers from a cache that waiting for the lock does not renew.
    """
    CREATE FUNCTION ensure_partitions(parent text, moments timestamptz[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = tidewright, pg_temp SET timezone = 'UTC' AS $$
    DECLARE
        unit text := CASE parent WHEN 'candles' THEN 'year' WHEN 'trades' THEN 'month' END;
        made integer := 0;
        since timestamptz;
        name text;
    BEGIN
        IF unit IS NULL THEN
            RAISE invalid_parameter_value USING MESSAGE = format('%s has no partitions', parent);
        END IF;
        FOR since IN SELECT DISTINCT date_trunc(unit, moment) FROM unnest(moments) moment ORDER BY 1 LOOP
            name := parent || '_' || to_char(since, CASE unit WHEN 'year' THEN 'YYYY' ELSE 'YYYY_MM' END);
            IF NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'tidewright'::regnamespace) THEN
                PERFORM pg_advisory_xact_lock(hashtext('tidewright partitions'));
                IF NOT EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'tidewright'::regnamespace) THEN
                    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name, parent);
                    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                                   parent, name, since, since + ('1 ' || unit)::interval);
                    made := made + 1;
                END IF;
            END IF;
        END LOOP;
        RETURN made;
    END $$""",
    "COMMENT ON FUNCTION ensure_partitions IS 'Makes the partitions that rows of these times need: of candles by year, of trades by month; how many it made'",
    "REVOKE EXECUTE ON FUNCTION ensure_partitions FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION ensure_partitions TO tidewright_writer",
    "GRANT SELECT ON instruments, series, candles, trades, funding_series, funding_rates, schema_version TO tidewright_reader",
    "GRANT INSERT, UPDATE ON instruments, series, candles, trades, funding_series, funding_rates TO tidewright_writer",
    "GRANT DELETE ON funding_rates TO tidewright_writer",
)

DOWNGRADE = (
    "DROP FUNCTION ensure_partitions",
    "DROP TABLE funding_rates, funding_series, trades, candles, series, instruments",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    for statement in DOWNGRADE:
        op.execute(statement)
