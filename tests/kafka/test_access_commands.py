"""`scarcity topics … --acls` and `scarcity users …` on a real broker with the authorizer on."""

import asyncio

import pytest
from tests.kafka.secured import Secured

from scarcity.broker.access_admin import AccessAdmin
from scarcity.broker.refusals import find_refusal
from scarcity.cli import main

pytestmark = pytest.mark.kafka


def test_rights_are_planned_applied_seen_to_drift_and_taken_away(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    guest = ("--client", "guest:technology")
    assert secured.topics(monkeypatch, "plan", *guest) == 0
    planned = capsys.readouterr().out
    assert "+ User:guest may write topic insights.technology\n" in planned
    assert "~ User:guest: consumer_byte_rate none -> 8388608" in planned
    assert secured.topics(monkeypatch, "drift", *guest) == 1
    assert secured.topics(monkeypatch, "apply", *guest) == 0
    capsys.readouterr()
    assert secured.topics(monkeypatch, "drift", *guest) == 0
    assert "no differences in rights" in capsys.readouterr().out
    # Whoever is declared no more is drift, and keeps what they have until it is pruned.
    assert secured.topics(monkeypatch, "drift") == 1
    told = capsys.readouterr().out
    assert "not declared, left alone: User:guest may write topic insights.technology" in told
    assert secured.topics(monkeypatch, "apply") == 0
    assert secured.topics(monkeypatch, "drift") == 1
    capsys.readouterr()
    assert secured.topics(monkeypatch, "apply", "--prune") == 0
    assert "- User:guest may write topic insights.technology\n" in capsys.readouterr().out
    assert secured.topics(monkeypatch, "drift") == 0


async def test_a_user_is_made_logs_in_gets_another_password_and_is_removed(
    secured: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scarcity(*words: str) -> int:
        with monkeypatch.context() as patch:
            for name, value in secured.certificate_environment("admin").items():
                patch.setenv(name, value)
            return main(list(words))

    async def logs_in() -> bool:
        return await find_refusal(secured.settings("new"), "log in") is None

    password = secured.password_file("new")
    password.write_text("first\n")
    add = ("users", "add", "new", "--password-file", str(password))
    assert await asyncio.to_thread(scarcity, *add) == 0
    assert await logs_in()
    password.write_text("second\n")
    assert not await logs_in()
    assert await asyncio.to_thread(scarcity, *add) == 0
    assert await logs_in()
    admin = AccessAdmin(secured.by_certificate("admin"))
    assert (await asyncio.to_thread(admin.users))["new"] == ("SCRAM-SHA-512",)
    assert await asyncio.to_thread(scarcity, "users", "remove", "new") == 0
    assert "new" not in await asyncio.to_thread(admin.users)
    assert not await logs_in()
    assert await asyncio.to_thread(scarcity, "users", "remove", "new") == 2


def test_a_user_who_is_no_administrator_cannot_give_rights(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in secured.environment("operator").items():
        monkeypatch.setenv(name, value)
    assert main(["users", "list"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "it is the administrator's business" in said
