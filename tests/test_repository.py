"""The repository guards itself: names, files and words that must agree."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scarcity.cli import build_parser
from scarcity.events import topics

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "services" / "scarcity"


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_topics_yaml_declares_exactly_the_topics_that_the_code_names() -> None:
    declared = yaml.safe_load((ROOT / "topics.yaml").read_text())["topics"]
    named = {
        value
        for name, value in vars(topics).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str)
    }
    assert {re.sub(r"\{domain\}|<domain>", "", name) for name in declared} == named


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    # Written in pieces, so that this file does not hold what it looks for.
    hosts = [
        "pypi" + ".org",
        "files.python" + "hosted",
        "repo1.maven" + ".org",
        "repo.maven." + "apache",
    ]
    paths = ["/work" + "/main", "/root" + "/", "/home" + "/"]
    offenders = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in tracked_files()
        for word in hosts + paths
        if word in path.read_text(errors="ignore")
    ]
    assert offenders == []


def test_nothing_unpickles_or_loads_yaml_unsafely() -> None:
    forbidden = {"pickle", "dill", "cloudpickle", "shelve", "marshal"}
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert not forbidden & {a.name for a in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in forbidden, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("yaml", "load"), ("torch", "load")}, path


def test_every_service_folder_has_the_same_entry_file() -> None:
    for service in ("memory", "meta", "gossip", "monitor", "client"):
        assert (PACKAGE / service / "service.py").is_file(), service


def test_every_command_in_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^\s*make ([a-z-]+)", readme, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
    for line in re.findall(r"^(?:\.venv/bin/)?scarcity .*$", readme, flags=re.MULTILINE):
        words = line.split("#")[0].replace("&", "").split()
        try:
            build_parser().parse_args(words[1:])
        except SystemExit as stop:
            pytest.fail(f"the README's `{line}` does not parse: exit {stop.code}")


def test_files_stay_short_enough_to_hold_one_concept() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
        if (count := len(path.read_text().splitlines())) > 320
    }
    assert long == {}
