"""The health check of images: what Docker is told of a service, whatever state it is in."""

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme

from tidewright.serving.probe import problem


@contextmanager
def serving(status, context=None):
    """A service that answers each question with `status`; the environment that describes it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_):
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield {"TIDEWRIGHT_REST_PORT": str(server.server_port)}
        server.shutdown()
        thread.join()


def test_a_service_that_answers_is_well():
    with serving(200) as environ:
        assert problem(environ) == ""


def test_over_tls_its_certificate_may_be_of_any_name():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("collector.research.svc").configure_cert(context)
    with serving(200, context) as environ:
        assert problem(environ | {"TIDEWRIGHT_TLS": "/etc/tls"}) == ""


def test_a_service_that_says_no_is_not():
    with serving(503) as environ:
        assert problem(environ) == f"/healthz at port {environ['TIDEWRIGHT_REST_PORT']} answers 503"


def test_nor_is_one_that_does_not_answer():
    with serving(200) as environ:
        pass
    assert "does not answer" in problem(environ)


@pytest.mark.parametrize("port", ["", "0", "http", "65536"])
def test_without_a_port_there_is_nothing_to_ask(port):
    assert "set the port" in problem({"TIDEWRIGHT_REST_PORT": port})
