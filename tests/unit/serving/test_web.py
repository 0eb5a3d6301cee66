import socket

from tidewright.serving.web import WebServer


async def nothing(scope, receive, send):
    """An application that is never asked."""


def test_an_answer_in_two_parts_does_not_wait_for_an_acknowledgement_of_the_first():
    server = WebServer(nothing, 1.0, None)
    port = server.bind("127.0.0.1", 0)
    try:
        with socket.create_connection(("127.0.0.1", port)), server._socket.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        server.release()
