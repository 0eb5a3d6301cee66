"""Functions for longer bars and for gaps; views of the latest bars, the gaps, the days and the best runs."""

from alembic import op

revision = "0005"
down_revision = "0004"

UPGRADE = (
    """
    CREATE FUNCTION series_of(exchange text, symbol text, timeframe text) RETURNS integer LANGUAGE sql STABLE BEGIN ATOMIC
        SELECT s.id FROM series s JOIN instruments i ON i.id = s.instrument_id
        WHERE i.exchange = $1 AND i.symbol = $2 AND s.timeframe = $3;
    END""",
    """
    CREATE FUNCTION bar_open(moment timestamptz, step interval) RETURNS timestamptz LANGUAGE sql IMMUTABLE BEGIN ATOMIC
        SELECT date_bin(step, moment, CASE step
            WHEN interval '7 days' THEN timestamptz '1970-01-05 00:00:00Z'
            WHEN interval '3 days' THEN timestamptz '1970-01-02 00:00:00Z'
            ELSE timestamptz '1970-01-01 00:00:00Z' END);
    END""",
    "COMMENT ON FUNCTION bar_open IS 'The open time of the bar in which a time falls: a UTC grid from the epoch, of weeks from Monday on'",
    # A float's text is the shortest that is it again: the decimal number that the exchange wrote, and these are added without rounding.
    """
    CREATE FUNCTION resample(series_id integer, longer interval, first timestamptz, last timestamptz)
    RETURNS TABLE (
        open_time timestamptz, open double precision, high double precision, low double precision,
        close double precision, volume double precision
    ) LANGUAGE sql STABLE BEGIN ATOMIC
        SELECT bar_open(c.open_time, longer),
               (array_agg(c.open ORDER BY c.open_time))[1],
               max(c.high),
               min(c.low),
               (array_agg(c.close ORDER BY c.open_time DESC))[1],
               sum(c.volume::text::numeric)::double precision
        FROM candles c JOIN series s ON s.id = c.series_id
        WHERE c.series_id = $1 AND c.open_time >= first AND c.open_time < last
        GROUP BY bar_open(c.open_time, longer)
        HAVING count(*) * extract(epoch FROM min(s.step)) = extract(epoch FROM longer)
        ORDER BY 1;
    END""",
    "COMMENT ON FUNCTION resample IS 'The longer bars that open in [first, last) and have all of their parts there; volumes are added as decimal numbers'",
    """
    CREATE FUNCTION find_gaps(series_id integer, first timestamptz, last timestamptz)
    RETURNS TABLE (after timestamptz, before timestamptz, missing bigint) LANGUAGE sql STABLE BEGIN ATOMIC
        SELECT previous, open_time, found.missing FROM (
            SELECT previous, open_time,
                   floor((extract(epoch FROM open_time - previous) + extract(epoch FROM step) / 2) / extract(epoch FROM step))::bigint - 1 AS missing
            FROM (
                SELECT c.open_time, s.step, lag(c.open_time) OVER (ORDER BY c.open_time) AS previous
                FROM candles c JOIN series s ON s.id = c.series_id
                WHERE c.series_id = $1 AND c.open_time >= first AND c.open_time < last
            ) neighbours
        ) found
        WHERE found.missing > 0 ORDER BY 1;
    END""",
    "COMMENT ON FUNCTION find_gaps IS 'Every stretch of missing bars between bars that open in [first, last)'",
    """
    CREATE VIEW latest_bars AS
        SELECT i.exchange, i.symbol, s.timeframe, c.open_time, c.open, c.high, c.low, c.close, c.volume, s.simulated
        FROM series s JOIN instruments i ON i.id = s.instrument_id
        CROSS JOIN LATERAL (SELECT * FROM candles c WHERE c.series_id = s.id ORDER BY c.open_time DESC LIMIT 1) c""",
    """
    CREATE VIEW bar_gaps AS
        SELECT i.exchange, i.symbol, s.timeframe, g.after, g.before, g.missing
        FROM series s JOIN instruments i ON i.id = s.instrument_id
        CROSS JOIN LATERAL find_gaps(s.id, '-infinity', 'infinity') g""",
    """
    CREATE VIEW daily_summary AS
        SELECT i.exchange, i.symbol, s.timeframe, d.day::date AS day, d.open, d.high, d.low, d.close, d.volume, d.bars,
               greatest(round(86400 / extract(epoch FROM s.step)) - d.bars, 0)::bigint AS missing
        FROM series s JOIN instruments i ON i.id = s.instrument_id
        CROSS JOIN LATERAL (
            SELECT date_bin('1 day', c.open_time, '1970-01-01 00:00:00Z') AS day,
                   (array_agg(c.open ORDER BY c.open_time))[1] AS open,
                   max(c.high) AS high,
                   min(c.low) AS low,
                   (array_agg(c.close ORDER BY c.open_time DESC))[1] AS close,
                   sum(c.volume::text::numeric)::double precision AS volume,
                   count(*) AS bars
            FROM candles c WHERE c.series_id = s.id GROUP BY 1
        ) d
        WHERE s.step <= interval '1 day'""",
    """
    CREATE VIEW run_leaderboard AS
        SELECT rank() OVER (ORDER BY sharpe DESC NULLS LAST) AS rank, id, name, strategy, exchange, symbol, timeframe, period_start, period_end,
               simulated, total_return, cagr, volatility, sharpe, sortino, calmar, max_drawdown, win_rate, profit_factor, trades, final_equity,
               saved, digest, strategy_digest, data_digest
        FROM backtest_runs""",
    "COMMENT ON VIEW run_leaderboard IS 'Every run that was saved, by its Sharpe ratio over its own period; tidewright compare holds runs against each other over the same'",
    "GRANT SELECT ON latest_bars, bar_gaps, daily_summary, run_leaderboard TO tidewright_reader",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP VIEW run_leaderboard, daily_summary, bar_gaps, latest_bars")
    op.execute("DROP FUNCTION find_gaps, resample, bar_open, series_of")
