"""Runs Helm: the chart with each of its value sets, as manifests."""

import io
import subprocess
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import yaml

from scarcity.cli import main as scarcity

HERE: Final = Path(__file__).parent
CHART: Final = HERE / "scarcity"
TOPICS_FILE: Final = HERE.parents[1] / "topics.yaml"
VALUE_SETS: Final = tuple(sorted((HERE / "values").glob("*.yaml")))
KUBERNETES: Final = "1.34"
NAMESPACE: Final = "learning"
RELEASE: Final = "demo"

Manifest = dict[str, Any]


class HelmError(Exception):
    """Helm refused; the message is its own."""


def helm(*arguments: str) -> str:
    """Run Helm and return what it prints.

    Raises:
        HelmError: it is not there, or ends with an error.
    """
    try:
        done = subprocess.run(
            ["helm", *arguments], capture_output=True, text=True, timeout=120, check=False
        )
    except FileNotFoundError:
        raise HelmError("no helm on the path: install it, https://helm.sh/docs/intro") from None
    if done.returncode:
        raise HelmError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def lint(values: Path) -> None:
    """`helm lint --strict`; raises as :func:`helm`."""
    helm("lint", "--strict", "--kube-version", f"{KUBERNETES}.0", str(CHART), "-f", str(values))


def render(*options: str) -> list[Manifest]:
    """`helm template` with options, e.g. `-f FILE`; raises as :func:`helm`."""
    text = helm(
        "template", RELEASE, str(CHART), "--namespace", NAMESPACE,
        "--kube-version", f"{KUBERNETES}.0", *options,
    )  # fmt: skip
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def strimzi_manifests(authentication: str) -> list[Manifest]:
    """What `scarcity topics manifests` prints for a cluster of three brokers and two clients."""
    text = io.StringIO()
    with redirect_stdout(text):
        code = scarcity(
            ["topics", "manifests", "--strimzi", "data", "--file", str(TOPICS_FILE),
             "--replication", "3", "--min-isr", "2", "--authentication", authentication,
             "--client", "bank-a:economic", "--client", "clinic-7:medical"]
        )  # fmt: skip
    if code:
        raise HelmError(f"scarcity topics manifests ended with {code}")
    return list(yaml.safe_load_all(text.getvalue()))


def named(manifest: Manifest) -> str:
    """A manifest in a line of a report: `Deployment demo-memory`."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def pods(manifests: Sequence[Manifest]) -> list[tuple[str, Manifest]]:
    """Specifications of all pods, with what makes them."""
    return [
        (named(manifest), manifest["spec"]["template"]["spec"])
        for manifest in manifests
        if manifest["kind"] in ("Deployment", "Job")
    ]
