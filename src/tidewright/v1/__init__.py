"""Messages, clients and servicers of the services, generated from ``proto/tidewright/v1`` by ``make generate``: for clients in Python.

::

    import grpc
    from tidewright.v1.signal_service_pb2 import GetSignalRequest
    from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub

    with grpc.insecure_channel("localhost:9011") as channel:
        print(SignalServiceStub(channel).GetSignal(GetSignalRequest(symbol="BTC/USDT")))

They need ``pip install tidewright[serving]``. Nothing but generated code belongs here; `tidewright.wire` maps it to the domain's own types.
"""
