"""The book of backtests and their trades, signals, and what was decided about them."""

from alembic import op

revision = "0003"
down_revision = "0002"

TEXTS = {
    "name": "record ->> 'name'",
    "exchange": "record #>> '{provenance,data,exchange}'",
    "symbol": "record #>> '{provenance,data,symbol}'",
    "timeframe": "record #>> '{provenance,data,timeframe}'",
    "strategy": "record #>> '{provenance,strategy,name}'",
    "strategy_digest": "record #>> '{provenance,strategy,digest}'",
    "data_digest": "record #>> '{provenance,data,digest}'",
    "period_start": "record #>> '{provenance,data,start}'",
    "period_end": "record #>> '{provenance,data,end}'",
}
FIGURES = {
    "sharpe": "sharpe",
    "total_return": "totalReturn",
    "cagr": "cagr",
    "volatility": "volatility",
    "sortino": "sortino",
    "calmar": "calmar",
    "max_drawdown": "maxDrawdown",
    "win_rate": "winRate",
    "profit_factor": "profitFactor",
    "trades": "trades",
    "final_equity": "finalEquity",
}
COLUMNS = ",\n        ".join(
    [f"{name} text GENERATED ALWAYS AS ({of}) STORED" for name, of in TEXTS.items()]
    + [
        f"{name} double precision GENERATED ALWAYS AS ((record #>> '{{result,{key}}}')::double precision) STORED"
        for name, key in FIGURES.items()
    ]
)

UPGRADE = (
    f"""
    CREATE TABLE backtest_runs (
        id text NOT NULL,
        digest text NOT NULL,
        saved timestamptz NOT NULL,
        record json NOT NULL,
        simulated boolean GENERATED ALWAYS AS (coalesce((record #>> '{{provenance,data,simulated}}')::boolean, false)) STORED,
        {COLUMNS},
        PRIMARY KEY (id, digest)
    )""",
    "COMMENT ON TABLE backtest_runs IS 'Finished backtests, by the run and the digest of its result; figures are those of the record, NULL where undefined'",
    "CREATE INDEX ON backtest_runs (saved DESC)",
    """
    CREATE TABLE backtest_trades (
        run_id text NOT NULL,
        digest text NOT NULL,
        number integer NOT NULL,
        symbol text NOT NULL,
        entry_time timestamptz NOT NULL,
        exit_time timestamptz NOT NULL,
        direction integer NOT NULL,
        quantity double precision NOT NULL,
        entry_price double precision NOT NULL,
        exit_price double precision NOT NULL,
        fees double precision NOT NULL,
        pnl double precision NOT NULL,
        net_return double precision NOT NULL,
        adverse double precision NOT NULL,
        favourable double precision NOT NULL,
        reason text NOT NULL,
        bars_held bigint NOT NULL,
        PRIMARY KEY (run_id, digest, number),
        FOREIGN KEY (run_id, digest) REFERENCES backtest_runs ON DELETE CASCADE
    )""",
    """
    CREATE TABLE signals (
        strategy_digest text NOT NULL,
        series_id integer NOT NULL REFERENCES series,
        open_time timestamptz NOT NULL,
        anchor timestamptz NOT NULL,
        enter boolean NOT NULL,
        exit boolean NOT NULL,
        enter_short boolean,
        exit_short boolean,
        columns json NOT NULL DEFAULT '{}',
        data_digest text NOT NULL,
        arithmetic_revision integer NOT NULL,
        published timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (strategy_digest, series_id, anchor, open_time)
    )""",
    "COMMENT ON TABLE signals IS 'What a strategy said at the close of the bar that opens at open_time, in the history that starts at anchor'",
    """
    CREATE TABLE decisions (
        id text PRIMARY KEY,
        strategy_digest text NOT NULL,
        series_id integer NOT NULL REFERENCES series,
        open_time timestamptz NOT NULL,
        decided timestamptz NOT NULL,
        approved boolean NOT NULL,
        decided_by text NOT NULL,
        reasons json NOT NULL DEFAULT '[]',
        figures json NOT NULL DEFAULT '{}'
    )""",
    "CREATE INDEX ON decisions (strategy_digest, series_id, open_time)",
    "COMMENT ON TABLE decisions IS 'Who let a signal pass to an exchange, or did not, and why'",
    "GRANT SELECT ON backtest_runs, backtest_trades, signals, decisions TO tidewright_reader",
    "GRANT INSERT ON backtest_runs, backtest_trades, signals, decisions TO tidewright_writer",
)


def upgrade() -> None:
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE decisions, signals, backtest_trades, backtest_runs")
