"""Judges what pip-audit and CycloneDX say of the locked packages: `make audit-deps`, `make sbom`.

    python -m infra.dependencies audited build/audit.json
    python -m infra.dependencies listed build/sbom.json

pip-audit exits 0 also when its advisory service told it nothing of a package. Here that counts:
exit 0 means that every locked package was asked after and none has a known vulnerability, 1 that
one has, or that the list lacks a package, 3 that some could not be asked after.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scarcity.exit_codes import ExitCode

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.lock"
SHOWN: Final = 5
Versions = Mapping[str, str]


def plain(name: str) -> str:
    """A package's name as indexes compare it.

    >>> plain("Jinja2"), plain("ruamel_yaml.clib")
    ('jinja2', 'ruamel-yaml-clib')
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> Versions:
    """Versions of a lock by name.

    >>> dict(locked("a_b==1.0 \\\\\\n    --hash=sha256:00\\nc==2\\n"))
    {'a-b': '1.0', 'c': '2'}
    """
    pairs = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", text, flags=re.MULTILINE)
    return {plain(name): version for name, version in pairs}


def judge_audit(report: Mapping[str, Any], lock: Versions) -> tuple[ExitCode, list[str]]:
    """The verdict on pip-audit's JSON, and lines for people."""
    told = {plain(one["name"]): one for one in report.get("dependencies", ())}
    asked = {name: one for name, one in told.items() if "vulns" in one and name in lock}
    lines = [
        f"{name} {one['version']}: {vulnerability['id']}, mended in "
        f"{', '.join(vulnerability.get('fix_versions', ())) or 'no version yet'}"
        for name, one in sorted(asked.items())
        for vulnerability in one["vulns"]
    ]
    code = ExitCode.FAILED if lines else ExitCode.DONE
    missing = sorted(lock.keys() - asked.keys())
    if missing:
        why = next((told[n].get("skip_reason", "") for n in missing if n in told), "not mentioned")
        lines.append(
            f"{len(missing)} of {len(lock)} packages were NOT audited ({_some(missing)}): {why}. "
            "Run this where the advisory service can be reached."
        )
        code = code or ExitCode.NOT_WHOLE
    else:
        lines.append(f"{len(lock)} packages audited, {len(lines)} known vulnerabilities")
    return code, lines


def judge_list(bom: Mapping[str, Any], lock: Versions) -> tuple[ExitCode, list[str]]:
    """Whether a CycloneDX document names every locked package with its version."""
    named = {plain(one["name"]): str(one.get("version", "")) for one in bom["components"]}
    wrong = sorted(_wrong(named, lock))
    if wrong:
        return ExitCode.FAILED, [f"not as the lock says, `make install` mends it: {_some(wrong)}"]
    return ExitCode.DONE, [f"{len(named)} packages, all {len(lock)} locked ones among them"]


def _wrong(named: Versions, lock: Versions) -> Iterator[str]:
    for name, version in lock.items():
        found = named.get(name)
        if found != version:
            yield f"{name} {version} ({'missing' if found is None else f'is {found}'})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


JUDGES: Final = {"audited": judge_audit, "listed": judge_list}


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge a file; prints the lines, returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.dependencies", description=__doc__)
    parser.add_argument("what", choices=sorted(JUDGES))
    parser.add_argument("file", type=Path)
    args = parser.parse_args(arguments)
    try:
        report = json.loads(args.file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        print(f"{args.file}: the tool left no report: {error}", file=sys.stderr)
        return ExitCode.NOT_WHOLE
    code, lines = JUDGES[args.what](report, locked(LOCK.read_text("utf-8")))
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
