"""X25519 keys: made once, kept closed, refused when they are none."""

from pathlib import Path

import pytest

from scarcity.events.errors import InputError
from scarcity.keys.exchange_key import (
    EXCHANGE_FILE,
    ExchangeKey,
    is_usable,
    read_or_make_exchange_key,
)
from scarcity.keys.files import write_key
from scarcity.keys.signing import SigningKey


def test_the_public_half_is_that_of_rfc_7748() -> None:
    # Section 6.1: the keys of Alice.
    key = ExchangeKey(
        bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    )
    assert key.public.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"


def test_a_key_does_not_show_itself() -> None:
    key = ExchangeKey.make()
    assert key.raw.hex() not in repr(key)
    assert repr(key.raw) not in repr(key)


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    key = read_or_make_exchange_key(tmp_path)
    assert read_or_make_exchange_key(tmp_path).raw == key.raw
    assert (tmp_path / EXCHANGE_FILE).stat().st_mode & 0o777 == 0o600


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / EXCHANGE_FILE, SigningKey.make())
    with pytest.raises(InputError, match="no unencrypted X25519"):
        read_or_make_exchange_key(tmp_path)


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=EXCHANGE_FILE):
        read_or_make_exchange_key(tmp_path / "missing")


@pytest.mark.parametrize(
    "public",
    [
        b"",
        bytes(31),
        bytes(32),
        b"\x01" + bytes(31),
        # Order 8, from RFC 7748's and libsodium's list of points of small order.
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ],
)
def test_nothing_is_sealed_for_a_key_that_agrees_with_everybody(public: bytes) -> None:
    assert not is_usable(public)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ExchangeKey(bytes(31))
