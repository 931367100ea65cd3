"""The images, their locks and the compose files agree with the project; needs no engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scarcity.configuration.declaration import KEYS

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
LOCKS = sorted((INFRA / "locks").glob("*.txt"))
TARGETS = {"memory", "meta", "gossip", "monitor", "client", "tools"}


def pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text("utf-8"), flags=re.MULTILINE))


def services(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((INFRA / name).read_text("utf-8"))
    found: dict[str, Any] = loaded["services"]
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_an_image_has_the_projects_own_versions_with_hashes_and_no_index(lock: Path) -> None:
    everywhere = pinned(ROOT / "requirements.lock")
    ours = pinned(lock)
    assert ours
    assert {n: v for n, v in ours.items() if everywhere.get(n, v) != v} == {}, "make lock"
    text = lock.read_text("utf-8")
    assert text.count("--hash=sha256:") >= len(ours)
    assert "index-url" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_has_torch_and_only_those_that_compute_have_numpy(lock: Path) -> None:
    names = pinned(lock).keys()
    assert "torch" not in names
    assert ("numpy" in names) == (
        lock.stem in {"meta", "client", "tools", "monitor"}
    )  # its dashboard audits


def test_the_dockerfile_has_a_target_a_service_and_none_runs_as_root() -> None:
    text = (INFRA / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"^FROM runtime AS (\S+)", text, flags=re.MULTILINE)) == TARGETS
    assert re.search(r"^USER 10001:10001$", text, flags=re.MULTILINE)
    assert "gcc" not in text


@pytest.mark.parametrize("name", ["compose.yaml", "compose.secure.yaml"])
def test_every_container_is_hardened_and_published_on_the_loopback_alone(name: str) -> None:
    for service, told in services(name).items():
        for port in told.get("ports", ()):
            assert port.startswith("127.0.0.1:"), service
        if "image" not in told:
            continue  # an overlay of a service that the other file hardens
        assert told["read_only"] is True, service
        assert told["cap_drop"] == ["ALL"], service
        assert told["security_opt"] == ["no-new-privileges:true"], service
        assert told["mem_limit"], service


def test_no_secret_stands_in_a_compose_file() -> None:
    for name in ("compose.yaml", "compose.secure.yaml"):
        for service, told in services(name).items():
            environment = told.get("environment") or {}
            secret = [key for key in environment if key in KEYS and KEYS[key].secret]
            assert secret == [], service


def test_every_service_of_the_compose_file_logs_lines_of_json() -> None:
    for service, told in services("compose.yaml").items():
        if told["image"].startswith("scarcity-"):
            assert told["environment"]["SCARCITY_LOG"] == "json", service
