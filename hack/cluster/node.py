"""A real node beside the control plane: containerd, kubelet, kube-proxy and CoreDNS in a network namespace, in which pods really run."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from string import Template
from typing import Self

from cluster.control_plane import ControlPlane
from cluster.images import archive
from cluster.processes import Process

NETWORK, LINK = "tidewright-node", "tidewright0"
HOST, ADDRESS = "10.200.0.1", "10.200.0.2"
PODS, SERVICES, DNS = "10.244.0.0/24", "10.96.0.0/16", "10.96.0.10"
VOLUMES = 20
PATIENCE = 90.0
"""Seconds that each server has to be there."""

DEEPEST_SOCKET, LONGEST_SOCKET = "kubelet/pod-resources/kubelet.sock", 107
"""Where below its home a kubelet has it, and how many bytes the path of a socket may have."""

CONFIGURATION = Path(__file__).parent / "node-config"
NEEDED = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "ethtool": "ethtool",
}
"""Programs, and the Debian packages that have them."""


class Node:
    """A context manager: a control plane and one node, of which a machine has room for one.

    Raises on entry:
        RuntimeError: not root, a program is missing, or the node is not ready after a minute and a half.
    """

    def __init__(self, servers: Path, home: Path) -> None:
        if len(os.fsencode(home / DEEPEST_SOCKET)) > LONGEST_SOCKET:
            raise ValueError(f"{home} is too long for the sockets of a kubelet; take a folder with a shorter name")
        enter = (
            "nsenter",
            f"--net=/run/netns/{NETWORK}",
        )  # not `ip netns exec`: that hides the cgroups from the kubelet
        self._servers, self._home = servers, home
        self._control_plane = ControlPlane(servers, home, ADDRESS, enter)

    def __enter__(self) -> Self:
        require()
        with ExitStack() as started:
            started.callback(clean, self._home)
            clean(self._home)
            _network()
            started.enter_context(self._control_plane)
            self._start()
            self._started = started.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    @property
    def controllers(self) -> Process:
        return self._control_plane.controllers

    @property
    def scheduler(self) -> Process:
        return self._control_plane.scheduler

    def _start(self) -> None:
        home, cluster = self._home, self._control_plane
        self._configure()
        cluster.process("containerd", f"--config={home / 'containerd.toml'}").start()
        _wait_for(home / "containerd.sock")
        archive(self._servers / "pause", "docker.io/local/pause:1", home / "pause.tar")
        load(home, home / "pause.tar")
        node = cluster.access("system:node:node1").write(home / "kubelet.kubeconfig")
        cluster.process(
            str(self._servers / "kubelet"),
            f"--config={home / 'kubelet.yaml'}",
            f"--kubeconfig={node}",
            "--hostname-override=node1",
            f"--node-ip={ADDRESS}",
            f"--root-dir={home / 'kubelet'}",
        ).start()
        proxy = cluster.access("system:kube-proxy").write(home / "proxy.kubeconfig")
        cluster.process(
            str(self._servers / "kube-proxy"),
            f"--kubeconfig={proxy}",
            "--hostname-override=node1",
            f"--cluster-cidr={PODS}",
            "--proxy-mode=iptables",
            # Limits of the kernel that a namespace may not set.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ).start()
        cluster.process(str(self._servers / "coredns"), "-conf", str(home / "Corefile")).start()
        self._apply()
        for event in ("create", "condition=Ready"):
            self.kubectl("wait", "node/node1", f"--for={event}", f"--timeout={PATIENCE:g}s")

    def _configure(self) -> None:
        for name, folder in {
            "cni.conflist": "cni",
            "hosts.toml": "registries/_default",
            "containerd.toml": "",
            "kubelet.yaml": "",
            "Corefile": "",
        }.items():
            target = self._home / folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(self._filled(name))

    def _apply(self) -> None:
        for number in range(VOLUMES):
            volume = self._home / "volumes" / f"v{number}"
            volume.mkdir(parents=True)
            volume.chmod(0o777)
        volumes = "".join(self._filled("volume.yaml", number=number) for number in range(VOLUMES))
        self.kubectl("apply", "-f", "-", text=self._filled("addons.yaml") + volumes)

    def _filled(self, name: str, **values: object) -> str:
        template = Template((CONFIGURATION / name).read_text())
        return template.substitute(home=self._home, node=ADDRESS, pods=PODS, dns=DNS, **values)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        command = [str(self._servers / "kubectl"), f"--kubeconfig={self._control_plane.kubeconfig}", *arguments]
        return run(*command, text=text)


def load(home: Path, image: Path) -> None:
    """Give the node whose state is in `home` the images of a docker archive."""
    run("ctr", "--address", str(home / "containerd.sock"), "--namespace", "k8s.io", "images", "import", str(image))


def clean(home: Path) -> None:
    """End what a node leaves behind, also one that was killed: its containers, mounts, cgroups and networks."""
    for shim in _shims(home):
        for process in [*_children(shim), shim]:
            _end(process)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{home}/")), reverse=True):
        run("umount", "--lazy", mount)
    for group in sorted(Path("/sys/fs/cgroup").glob("**/kubepods/**/"), reverse=True):
        with suppress(OSError):  # one that is in use is not ours
            group.rmdir()
    for command in (["ip", "link", "del", LINK], ["ip", "netns", "del", NETWORK]):
        subprocess.run(command, check=False, capture_output=True)


def _shims(home: Path) -> Iterator[int]:
    socket = str(home / "containerd.sock")
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_text().split("\0")
            if "containerd-shim" in command[0] and socket in command:
                yield int(folder.name)


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _end(process: int) -> None:
    """Kill a process, and take away the network that it was given."""
    with suppress(OSError):
        network = Path(f"/proc/{process}/ns/net").stat().st_ino
        for name in Path("/run/netns").glob("cni-*"):
            if name.stat().st_ino == network:
                run("ip", "netns", "del", name.name)
        os.kill(process, signal.SIGKILL)


def require() -> None:
    """Refuse a machine on which no node can run.

    Raises:
        RuntimeError: not root, or a program is missing; with the remedy.
    """
    missing = {package for program, package in NEEDED.items() if shutil.which(program) is None}
    if os.geteuid() or missing:
        raise RuntimeError(
            f"a node needs root, and on Debian: apt-get install {' '.join(sorted(missing or NEEDED.values()))}"
        )


def _network() -> None:
    inside = ["ip", "-n", NETWORK]
    for command in (
        ["ip", "netns", "add", NETWORK],
        ["ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", NETWORK],
        ["ip", "addr", "add", f"{HOST}/24", "dev", LINK],
        ["ip", "link", "set", LINK, "up"],
        [*inside, "addr", "add", f"{ADDRESS}/24", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "up"],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "route", "add", "default", "via", HOST],
        ["ip", "netns", "exec", NETWORK, "sysctl", "-qw", "net.ipv4.ip_forward=1"],
        ["ip", "route", "add", PODS, "via", ADDRESS],
        ["ip", "route", "add", SERVICES, "via", ADDRESS],
    ):
        run(*command)


def _wait_for(socket: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not socket.exists():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{socket} is not there after {PATIENCE:g} s; its log is beside it")
        time.sleep(0.05)


def run(*command: str, text: str | None = None) -> str:
    """What a command prints.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout
