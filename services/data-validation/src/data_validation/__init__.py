"""The service data-validation: raw market data is judged; what is sound is archived and passed on, the rest is held with its reasons.

`intake` is the loop over the streams, `judge` what it makes of messages, `service` what can be asked, `rest` and `rpc` its faces, `expectations` the second
execution of the rules. The rules themselves do not belong here (`tidewright.domain.quality`).
"""
