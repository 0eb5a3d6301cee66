"""The signal service: what one TradingStrategy says at the close of every bar, over gRPC and REST.

`service` is the use case, `follower` keeps one market's history, `rest` and `rpc` are its faces, `wiring` puts it together from `settings`, `replay` and
`parity` prove that what it says live is what a backtest would see. Nothing of how services are hosted belongs here (`tidewright.serving`).
"""
