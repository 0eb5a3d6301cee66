"""TLS where certificates are mounted, and clients that must show theirs where an authority is mounted beside them."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import grpc
import httpx
import pytest
import trustme

from tidewright.serving.certificates import CertificatesRefused
from tidewright.v1.signal_service_pb2 import GetSignalRequest
from tidewright.v1.signal_service_pb2_grpc import SignalServiceStub

pytestmark = pytest.mark.anyio

ASKED = GetSignalRequest(symbol="x")


class Secret:
    """A folder as Kubernetes mounts it, and the authorities behind it."""

    def __init__(self, folder, *, mutual):
        self.folder = folder
        self.clients = trustme.CA()
        if mutual:
            self.clients.cert_pem.write_to_path(folder / "ca.crt")
        self.issue()

    def issue(self):
        """A new certificate, of a new authority."""
        self.servers = trustme.CA()
        issued = self.servers.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(self.folder / "tls.crt")
        issued.private_key_pem.write_to_path(self.folder / "tls.key")

    def rest(self, running, client=None):
        context = ssl.create_default_context(cadata=self.servers.cert_pem.bytes().decode())
        if client:
            client.configure_cert(context)
        url = f"https://localhost:{running.rest_port}"
        return httpx.AsyncClient(base_url=url, verify=context, trust_env=False, timeout=20)

    @asynccontextmanager
    async def rpc(self, running, client=None):
        shown = (client.private_key_pem.bytes(), client.cert_chain_pems[0].bytes()) if client else (None, None)
        credentials = grpc.ssl_channel_credentials(self.servers.cert_pem.bytes(), *shown)
        async with grpc.aio.secure_channel(f"localhost:{running.grpc_port}", credentials) as channel:
            yield SignalServiceStub(channel)


async def test_both_protocols_are_encrypted(hosted, tmp_path):
    secret = Secret(tmp_path, mutual=False)
    async with hosted(tls=tmp_path) as host:
        async with secret.rest(host.running) as rest, secret.rpc(host.running) as rpc:
            assert (await rest.get("/word?word=x")).json() == {"word": "x"}
            assert (await rpc.GetSignal(ASKED)).signal.market.symbol == "x"
        with pytest.raises(httpx.HTTPError):
            await host.rest.get("/word?word=x")
        with pytest.raises(grpc.aio.AioRpcError):
            await host.rpc.GetSignal(ASKED)


async def test_clients_show_who_they_are(hosted, tmp_path):
    secret = Secret(tmp_path, mutual=True)
    client = secret.clients.issue_cert("bot")
    async with (
        hosted(tls=tmp_path) as host,
        secret.rest(host.running, client) as rest,
        secret.rpc(host.running, client) as rpc,
    ):
        assert (await rest.get("/word?word=x")).json() == {"word": "x"}
        assert (await rpc.GetSignal(ASKED)).signal.market.symbol == "x"


async def test_strangers_are_refused_but_for_probes(hosted, tmp_path):
    secret = Secret(tmp_path, mutual=True)
    async with (
        hosted(tls=tmp_path) as host,
        secret.rest(host.running) as rest,
        secret.rpc(host.running) as rpc,
    ):
        answer = await rest.get("/word?word=x")
        for probe in ("/health", "/healthz", "/readyz", "/metrics"):
            assert (await rest.get(probe)).status_code == 200
        with pytest.raises(grpc.aio.AioRpcError):
            await rpc.GetSignal(ASKED)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("this service asks for a client certificate")


async def test_a_certificate_of_another_authority_is_refused(hosted, tmp_path):
    secret = Secret(tmp_path, mutual=True)
    stranger = trustme.CA().issue_cert("bot")
    async with (
        hosted(tls=tmp_path) as host,
        secret.rest(host.running, stranger) as rest,
        secret.rpc(host.running, stranger) as rpc,
    ):
        with pytest.raises((httpx.HTTPError, ssl.SSLError)):
            await rest.get("/word?word=x")
        with pytest.raises(grpc.aio.AioRpcError):
            await rpc.GetSignal(ASKED)


async def test_new_certificates_are_taken_over(hosted, tmp_path, monkeypatch):
    monkeypatch.setattr("tidewright.serving.host._LOOK_AT_CERTIFICATES", 0.0)
    secret = Secret(tmp_path, mutual=False)
    async with hosted(tls=tmp_path) as host:
        secret.issue()
        async with asyncio.timeout(10):
            while True:
                try:
                    async with secret.rest(host.running) as rest:
                        assert (await rest.get("/word?word=x")).json() == {"word": "x"}
                        break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        async with secret.rpc(host.running) as rpc:
            assert (await rpc.GetSignal(ASKED)).signal.market.symbol == "x"


async def test_a_folder_without_certificates_is_refused(hosted, tmp_path):
    with pytest.raises(CertificatesRefused, match=r"tls.crt is missing; mount the Secret there, or unset"):
        async with hosted(tls=tmp_path):
            pass
