from pathlib import Path

import pytest

from scarcity.broker.http_token import bearer, is_loopback, is_same, read_token
from scarcity.events.errors import InputError


def test_a_token_is_read_from_the_file_that_a_key_names(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert read_token({"KEY": str(file)}, "KEY") == "0123456789abcdef"
    assert read_token({}, "KEY") is None
    assert read_token({"KEY": ""}, "KEY") is None


@pytest.mark.parametrize(
    "token", [b"", b"short", b"with a space in it", "ü".encode() * 20, b"\xff"]
)
def test_a_file_without_a_token_is_one_line_that_names_the_key(
    tmp_path: Path, token: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(token)
    for path in (file, tmp_path / "none"):
        with pytest.raises(InputError, match=r"^KEY: ") as refused:
            read_token({"KEY": str(path)}, "KEY")
        assert "\n" not in str(refused.value)
        assert token.decode(errors="replace") not in str(refused.value) or token == b""


@pytest.mark.parametrize("given", ["", "0123456789abcde", "0123456789abcdef0", "\udcff", "ü" * 16])
def test_what_is_not_the_token_is_refused_whatever_it_holds(given: str) -> None:
    assert not is_same(given, "0123456789abcdef")


def test_only_a_bearer_header_holds_a_token() -> None:
    assert bearer("bearer  abc ") == "abc"
    assert [bearer(told) for told in ("Basic abc", "abc", "Bearer", "")] == ["", "", "", ""]


def test_addresses_that_only_this_machine_reaches() -> None:
    assert all(is_loopback(bind, "KEY") for bind in ("127.0.0.1", "127.1.2.3", "::1", "localhost"))
    assert not any(is_loopback(bind, "KEY") for bind in ("0.0.0.0", "::", "10.0.0.1"))
    with pytest.raises(InputError, match=r"^KEY: "):
        is_loopback("nowhere", "KEY")
