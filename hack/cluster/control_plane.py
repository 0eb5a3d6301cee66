"""A control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of this machine."""

import http.client
import secrets
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cluster.access import Access, certify
from cluster.processes import Process, Processes, free_port

PATIENCE = 60.0
"""Seconds that the API server has to become ready."""

USERS = {
    "admin": "system:masters",
    "system:kube-controller-manager": "",
    "system:kube-scheduler": "",
    "system:node:node1": "system:nodes",
    "system:kube-proxy": "",
}
"""Who has a token, and in which group."""


class ControlPlane:
    """A context manager: etcd and the API server run inside of it, `controllers` and `scheduler` once they are started.

    The ports are free ones and everything that is written is below `home`, so that many run side by side; the processes end with
    the one that made them, even if that is killed. `servers` is a folder with the programs. With a node of its own the control plane has its
    `address`, and is started by the command `enter`.
    """

    def __init__(self, servers: Path, home: Path, address: str = "127.0.0.1", enter: Sequence[str] = ()) -> None:
        self.home = home
        self._servers, self._address, self._enter = servers, address, enter
        self._tokens = {user: secrets.token_hex(16) for user in USERS}
        home.mkdir(parents=True, exist_ok=True)
        names = ("DNS:localhost", "DNS:kubernetes.default.svc", "IP:127.0.0.1", "IP:10.96.0.1", f"IP:{address}")
        self.certificate, self._key = certify(home, "apiserver", "/CN=kube-apiserver", *names)
        self._client = certify(home, "kubelet-client", "/O=system:masters/CN=kube-apiserver")
        self._accounts = certify(home, "service-accounts", "/CN=service-accounts")
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self.server = f"https://{address}:{free_port()}"
        self.kubeconfig = self.access().write(home / "admin.kubeconfig")
        self._processes = Processes()
        self.etcd = self._server("etcd", *self._etcd())
        self.apiserver = self._server("kube-apiserver", *self._apiserver())
        self.controllers = self._server("kube-controller-manager", *self._controllers())
        self.scheduler = self._server("kube-scheduler", *self._scheduler())

    def __enter__(self) -> Self:
        with ExitStack() as started:
            started.enter_context(self._processes)
            self.etcd.start()
            self.apiserver.start()
            self.wait_until_ready()
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def access(self, user: str = "admin") -> Access:
        """The identity of one of `USERS`."""
        return Access(self.server, authority=self.certificate.read_text(), token=self._tokens[user])

    def restart_apiserver(self) -> None:
        """Kill it and start it anew; ready again on return."""
        self.apiserver.kill()
        self.apiserver.start()
        self.wait_until_ready()

    def restart_etcd(self) -> None:
        """Kill it and start it anew on its data; the API server is ready again on return."""
        self.etcd.kill()
        self.etcd.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Until the API server serves.

        Raises:
            RuntimeError: etcd or the API server ended, or a minute has passed; with the end of the log.
        """
        deadline = time.monotonic() + PATIENCE
        # The API server's own verdict does not notice at once that etcd is gone; an object is read from etcd.
        for path in ("/readyz", "/api/v1/namespaces/default"):
            while not self._answers(path):
                for process in (self.etcd, self.apiserver):
                    if not process.running:
                        raise RuntimeError(f"{process.name} ended:\n{process.last_words()}")
                if time.monotonic() > deadline:
                    words = self.apiserver.last_words()
                    raise RuntimeError(f"{self.apiserver.name} is not ready after {PATIENCE:g} s:\n{words}")
                time.sleep(0.05)

    def _answers(self, path: str) -> bool:
        access = self.access()
        host = self.server.removeprefix("https://")
        connection = http.client.HTTPSConnection(host, timeout=5, context=access.ssl_context())
        try:
            connection.request("GET", path, headers=access.headers)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def process(self, program: str, *flags: str) -> Process:
        """One more process that ends with the cluster, logs beside the others and shares their network; not started yet."""
        name = Path(program).name
        return self._processes.process(name, [*self._enter, program, *flags], self.home / f"{name}.log")

    def _server(self, name: str, *flags: str) -> Process:
        return self.process(str(self._servers / name), *flags)

    def _etcd(self) -> list[str]:
        return [
            f"--data-dir={self.home / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={self._etcd_url}",
            f"--advertise-client-urls={self._etcd_url}",
            "--listen-peer-urls=http://127.0.0.1:0",
        ]

    def _apiserver(self) -> list[str]:
        tokens = self.home / "tokens.csv"
        tokens.touch(mode=0o600)
        tokens.write_text("".join(f'{self._tokens[user]},{user},{user},"{group}"\n' for user, group in USERS.items()))
        client, client_key = self._client
        accounts, accounts_key = self._accounts
        on_loopback = self._address == "127.0.0.1"
        return [
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={self._address}",
            f"--advertise-address={self._address}",
            f"--secure-port={self.server.rpartition(':')[2]}",
            # Without a node nobody can use the API server's own Service.
            f"--endpoint-reconciler-type={'none' if on_loopback else 'master-count'}",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={self._key}",
            f"--token-auth-file={tokens}",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            f"--service-account-key-file={accounts}",
            f"--service-account-signing-key-file={accounts_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--kubelet-client-certificate={client}",
            f"--kubelet-client-key={client_key}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def _controllers(self) -> list[str]:
        kubeconfig = self.access("system:kube-controller-manager").write(self.home / "controllers.kubeconfig")
        return [
            f"--kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={self._accounts[1]}",
            f"--root-ca-file={self.certificate}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
        ]

    def _scheduler(self) -> list[str]:
        kubeconfig = self.access("system:kube-scheduler").write(self.home / "scheduler.kubeconfig")
        return [f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0"]
