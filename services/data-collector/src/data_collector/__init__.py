"""The data-collector: trades and bars as an exchange tells of them, onto the raw streams, nothing lost and nothing doubled.

`sequence` is the idea and is pure; `lane` is one sequence with all that feeds it, `connection` the exchange's pushed messages and `repair` its answers about
what they lacked, `outbox` the way to the streams; `collector` is the use case, `rest` and `rpc` are its faces, and `wiring` puts it together from `settings`.
Judging what is collected does not belong here (data-validation does), nor does how services are hosted (`tidewright.serving`).
"""
