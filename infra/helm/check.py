"""Checks the chart and the Strimzi manifests with Helm and the schemas of Kubernetes.

    python -m infra.helm.check [--crds FOLDER]

Lints and renders the chart with each value set in `values/`, checks every manifest against the
schema of its kind (kubernetes-validate, strict; `custom.py` for KEDA's and Strimzi's kinds, and
with `--crds` their own definitions), looks that every pod is confined and no manifest holds a
secret, and that Helm refuses wrong values in words that name them. Needs helm: `make check-helm`.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import kubernetes_validate

from infra.helm import custom
from infra.helm.rendering import (
    KUBERNETES,
    VALUE_SETS,
    HelmError,
    Manifest,
    lint,
    named,
    pods,
    render,
    strimzi_manifests,
)

# Values that must be refused, and a word that the refusal must hold.
REFUSED: Final = {
    "no broker": ((), "kafka.bootstrapServers"),
    "a password in the values": (
        ("kafka.bootstrapServers=k:9093", "services.meta.env.SCARCITY_SASL_PASSWORD=x"),
        "SCARCITY_SASL_PASSWORD",
    ),
    "a service that is misspelt": (
        ("kafka.bootstrapServers=k:9093", "services.memroy.replicas=2"),
        "memroy",
    ),
    "an unknown protocol": (
        ("kafka.bootstrapServers=k:9093", "kafka.security.protocol=TLS"),
        "protocol",
    ),
    "a dashboard that asks for no token": (
        ("kafka.bootstrapServers=k:9093", "dashboard.enabled=true"),
        "tokenSecret",
    ),
    "a broker without a port": (("kafka.bootstrapServers=kafka",), "bootstrapServers"),
    "a negative number of workers": (
        ("kafka.bootstrapServers=k:9093", "services.memory.replicas=-1"),
        "replicas",
    ),
}


def schema_faults(manifests: Sequence[Manifest], crds: custom.Definitions | None) -> Iterator[str]:
    """What the schemas refuse."""
    for manifest in manifests:
        found: list[str] = []
        if custom.is_custom(manifest):
            found += custom.faults(manifest)
            found += crds.faults(manifest) if crds else []
        else:
            try:
                kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
            except (
                kubernetes_validate.ValidationError,
                kubernetes_validate.SchemaNotFoundError,
            ) as error:
                found.append(str(error).splitlines()[0])
        yield from (f"{named(manifest)}: {fault}" for fault in found)


def confinement_faults(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Pods that could do more than they need, and secrets that are written out."""
    for name, pod in pods(manifests):
        wanted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        if not wanted.items() <= pod["securityContext"].items():
            yield f"{name}: pod may run as root"
        if pod["automountServiceAccountToken"] or pod["enableServiceLinks"]:
            yield f"{name}: gets a token or links of Kubernetes"
        for container in pod["containers"]:
            context = container["securityContext"]
            if context != {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }:
                yield f"{name}: container {container['name']} is not confined: {context}"
            if not container["resources"].get("limits", {}).get("memory"):
                yield f"{name}: container {container['name']} has no bound of memory"
            for variable in container["env"]:
                if variable["name"].endswith(("PASSWORD", "SECRET", "TOKEN")):
                    yield f"{name}: {variable['name']} is written out"
    for manifest in manifests:
        if manifest["kind"] == "Secret":
            yield f"{named(manifest)}: a Secret is rendered; name an existing one instead"


def refusal_faults() -> Iterator[str]:
    """Wrong values that Helm takes, or refuses without naming them."""
    for what, (settings, word) in REFUSED.items():
        options = [part for setting in settings for part in ("--set", setting)]
        try:
            render(*options)
        except HelmError as refusal:
            if word not in str(refusal):
                yield f"{what}: refused without a word of {word}: {refusal}"
        else:
            yield f"{what}: taken"


def check(crds: custom.Definitions | None) -> tuple[int, list[str]]:
    """Number of manifests checked, and all faults."""
    count, found = 0, []
    for values in VALUE_SETS:
        lint(values)
        manifests = render("-f", str(values))
        faults = [*schema_faults(manifests, crds), *confinement_faults(manifests)]
        found += [f"{values.name}: {fault}" for fault in faults]
        count += len(manifests)
    for authentication in ("scram-sha-512", "tls"):
        manifests = strimzi_manifests(authentication)
        found += [f"Strimzi, {authentication}: {f}" for f in schema_faults(manifests, crds)]
        count += len(manifests)
    return count, [*found, *refusal_faults()]


def main() -> int:
    """Print what was found; 1 when that is a fault."""
    parser = argparse.ArgumentParser(prog="python -m infra.helm.check")
    parser.add_argument("--crds", type=Path, help="folder of the operators' CRD files")
    options = parser.parse_args()
    try:
        count, found = check(custom.Definitions(options.crds) if options.crds else None)
    except HelmError as error:
        found, count = [str(error)], 0
    print(*found, sep="\n", end="\n" if found else "")
    beside = " and the operators' definitions" if options.crds else ""
    print(
        f"{count} manifests of {len(VALUE_SETS)} value sets and of Strimzi against Kubernetes "
        f"{KUBERNETES}{beside}, {len(REFUSED)} wrong values: {len(found)} faults"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
