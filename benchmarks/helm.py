"""The chart and the Strimzi manifests against a real Kubernetes API server, as a dry run.

    infra/helm/api-server.sh build DIR && eval "$(infra/helm/api-server.sh up DIR)"
    python -m benchmarks.helm --crds FOLDER [--rows scram]

Needs helm, kubectl, and a KUBECONFIG whose server may be written to: the operators' definitions in
FOLDER (KEDA: scaledobjects, triggerauthentications; Strimzi: kafkatopics, kafkausers) and a
namespace of the profile `restricted` are made for real, everything else is a dry run.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from infra.helm.rendering import (
    NAMESPACE,
    VALUE_SETS,
    Manifest,
    named,
    pods,
    render,
    strimzi_manifests,
)

from benchmarks.tables import Figures, Row, Table, Target, main

RESTRICTED: Final = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
        },
    },
}


def kubectl(*arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run kubectl; its exit code is the caller's to judge."""
    return subprocess.run(
        ["kubectl", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def applied(manifest: Manifest) -> "subprocess.CompletedProcess[str]":
    """One manifest, as a server-side dry run that refuses unknown fields."""
    return kubectl(
        "apply", "--dry-run=server", "--validate=strict", "--namespace", NAMESPACE, "-f", "-",
        text=json.dumps(manifest),
    )  # fmt: skip


def dry_run(manifests: Sequence[Manifest]) -> Figures:
    """How many the server refuses and warns of; bare pods beside what makes them."""
    refused = warned = 0
    for manifest in [*manifests, *bare_pods(manifests)]:
        done = applied(manifest)
        refused += done.returncode != 0
        warned += "Warning:" in done.stderr
        if done.returncode or "Warning:" in done.stderr:
            print(f"    {named(manifest)}: {done.stderr.strip()}")
    return {
        "manifests": float(len(manifests)),
        "pods": float(len(bare_pods(manifests))),
        "refused": float(refused),
        "warned of": float(warned),
    }


def bare_pods(manifests: Sequence[Manifest]) -> list[Manifest]:
    """The pods themselves: only those does the namespace's profile refuse."""
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}"},
            "spec": specification,
        }
        for number, (_, specification) in enumerate(pods(manifests))
    ]


def broken() -> list[Manifest]:
    """A manifest of each kind of fault that a server sees, made of good ones."""
    manifests = {named(m): m for m in render("-f", str(VALUE_SETS[0]))}

    def changed(name: str, change: str) -> Manifest:
        text = json.dumps(manifests[name])
        old, new = change.split(" -> ")
        assert old in text, old
        return dict(json.loads(text.replace(old, new)))

    memory = "Deployment demo-memory"
    return [
        changed(memory, '"replicas" -> "replica"') if '"replicas"' in json.dumps(manifests[memory])
        else changed(memory, '"strategy" -> "strategies"'),
        changed(memory, '"cpu": "250m" -> "cpu": "250 m"'),
        changed(memory, '"name": "tmp", "mountPath" -> "name": "temp", "mountPath"'),
        changed("Service demo-monitor", '"port": 9464 -> "port": 94640'),
        changed("Deployment demo-meta", '"app.kubernetes.io/component": "meta"}}, "strategy" -> '
                '"app.kubernetes.io/component": "other"}}, "strategy"'),
        changed("ScaledObject demo-memory", '"minReplicaCount" -> "minReplicas"'),
        *bare_pods([  # of a Deployment the profile only warns
            changed("Deployment demo-gossip", '"runAsNonRoot": true -> "runAsNonRoot": false')
        ]),
    ]  # fmt: skip


def of_values(path: Path, quick: bool) -> Figures:
    """A value set of the chart."""
    del quick
    return dry_run(render("-f", str(path)))


def of_strimzi(authentication: str, quick: bool) -> Figures:
    """`scarcity topics manifests`."""
    del quick
    return dry_run(strimzi_manifests(authentication))


def of_broken(quick: bool) -> Figures:
    """What must be refused."""
    del quick
    manifests = broken()
    refused = sum(applied(manifest).returncode != 0 for manifest in manifests)
    return {"manifests": float(len(manifests)), "refused": float(refused)}


NOTHING_REFUSED: Final = (Target("refused", 0), Target("warned of", 0))
TABLE: Final = Table(
    name="helm",
    title="The Helm chart against a Kubernetes API server",
    about=(
        "Server-side dry run (`kubectl apply --dry-run=server --validate=strict`) of every "
        "manifest that the chart renders with each value set of `infra/helm/values`, and that "
        "`scarcity topics manifests` prints, against a kube-apiserver 1.34.4 with the definitions "
        "of KEDA and Strimzi (their repositories' main of August 2026), in a namespace "
        "of the profile `restricted`; the pods are sent by themselves too. No node: nothing ran. "
        "The last row has faults on purpose, and must be refused."
    ),
    rows=(
        *(
            Row(f"values {path.stem}", partial(of_values, path), NOTHING_REFUSED)
            for path in VALUE_SETS
        ),
        *(
            Row(f"Strimzi, {how}", partial(of_strimzi, how), NOTHING_REFUSED)
            for how in ("scram-sha-512", "tls")
        ),
        Row("faults on purpose", of_broken, (Target("refused", 7, at_least=True),)),
    ),
)


def prepare(crds: Path | None) -> None:
    """Definitions and namespace, for real."""
    done = [kubectl("apply", "-f", "-", text=json.dumps(RESTRICTED))]
    if crds:
        done.append(kubectl("apply", "--server-side", "-f", str(crds)))
        done.append(kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"))
    for one in done:
        if one.returncode:
            sys.exit(f"the API server is not ready for the dry run: {one.stderr.strip()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--crds", type=Path)
    own, rest = parser.parse_known_args()
    if "--list" not in rest and "--retell" not in rest:
        prepare(own.crds)
    main("benchmarks.helm", [TABLE], rest)
