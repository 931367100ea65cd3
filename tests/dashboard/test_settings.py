from pathlib import Path

import pytest

from scarcity.dashboard.access import Access
from scarcity.dashboard.settings import DashboardSettings
from scarcity.events.errors import InputError


def settings(**environ: str) -> DashboardSettings:
    return DashboardSettings.from_environment(
        {f"SCARCITY_DASHBOARD_{name}": value for name, value in environ.items()}
    )


def test_the_loopback_without_a_token_is_the_default() -> None:
    found = settings()
    assert (found.port, found.bind, found.access.token) == (9465, "127.0.0.1", None)


def test_an_address_that_others_reach_needs_a_token_or_names(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TOKEN_FILE"):
        settings(BIND="0.0.0.0")
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert settings(BIND="0.0.0.0", TOKEN_FILE=str(file)).access.token == "0123456789abcdef"
    assert settings(BIND="0.0.0.0", HOSTS="board.example, b").access.knows_host("board.example:1")


@pytest.mark.parametrize("token", ["", "short", "with a space in it", "ümläut-0123456789"])
def test_a_token_that_is_none_is_refused(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    with pytest.raises(InputError, match="TOKEN_FILE"):
        settings(TOKEN_FILE=str(file))


def test_a_wrong_value_is_one_line_that_names_its_key() -> None:
    for name, value in (("PORT", "x"), ("BIND", "nowhere"), ("TOKEN_FILE", "/no/such/file")):
        with pytest.raises(InputError, match=f"SCARCITY_DASHBOARD_{name}"):
            settings(**{name: value})


def test_the_audit_may_read_as_another_user() -> None:
    with pytest.raises(InputError, match="together"):
        settings(AUDIT_USERNAME="audit")
    found = settings(AUDIT_USERNAME="audit", AUDIT_PASSWORD_FILE="/run/secrets/audit")
    environ = {"SCARCITY_SASL_USERNAME": "monitor", "SCARCITY_SASL_PASSWORD": "m", "PATH": "/bin"}
    assert found.audit_environment(environ) == {
        "PATH": "/bin",
        "SCARCITY_SASL_USERNAME": "audit",
        "SCARCITY_SASL_PASSWORD_FILE": "/run/secrets/audit",
    }
    assert settings().audit_environment(environ) == environ


def test_without_a_token_only_names_of_this_machine_are_answered() -> None:
    access = Access()
    assert all(access.knows_host(h) for h in ("localhost", "127.0.0.1:9465", "[::1]:9465"))
    assert not any(access.knows_host(h) for h in ("evil.example", "127.0.0.1.evil", "", "[x"))


def test_a_token_comes_by_cookie_or_header() -> None:
    access = Access("0123456789abcdef")
    assert access.lets_in("0123456789abcdef", "")
    assert access.lets_in("", "Bearer 0123456789abcdef")
    assert not access.lets_in("", "Basic 0123456789abcdef")
    assert not access.lets_in("ümläut", "")
