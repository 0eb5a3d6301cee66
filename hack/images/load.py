"""Gives images to the node of a cluster of `hack/cluster`, which pulls none."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from cluster import background, node
from images.build import tag
from images.builder import Builder
from images.commands import told
from images.table import Image


def load(images: Iterable[Image], builder: Builder, cluster: str) -> None:
    """Load images under the names that a manifest without a registry means.

    Raises:
        RuntimeError: the cluster does not run, or has no node; or an image is not built.
    """
    home = background.kubeconfig(cluster).parent
    if background.running(cluster) is None or not (home / "containerd.sock").exists():
        raise RuntimeError(f"the cluster {cluster} has no node that runs: make cluster NODE=1")
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "image.tar"
        for image in images:
            builder.archive(tag(image), f"docker.io/{tag(image)}", archive)
            node.load(home, archive)
            told(f"{tag(image)} is on the node")
