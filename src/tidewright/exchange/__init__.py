"""The local exchange: Binance's public spot protocol on one port, fed by a tape, for development, demonstrations and tests.

Everything it tells (trades, klines, tickers, books, over REST and over WebSocket) is a function of one tape a symbol and of the virtual time: `trade_log`,
`candles`, `aggregates` and `books` are those functions, `recording`, `from_bars` and `simulated` make tapes, `player` lets time pass, `rest` and `streams` are the
protocol, `faults` what goes wrong on request, and `server` alone has the network. Orders and accounts do not belong here: nobody trades on it.
"""
