"""Keys of a process, and keys that an identity keeps."""

from pathlib import Path

from scarcity.keys.certificate import Certificate
from scarcity.keys.exchange_key import EXCHANGE_FILE
from scarcity.keys.files import write_key
from scarcity.keys.gossip_keys import keys_of_identities, keys_of_process
from scarcity.keys.identity import KEY_FILE
from scarcity.keys.record_signing import Identity
from scarcity.keys.signing import SigningKey


def identity(directory: Path, client: str) -> Identity:
    key = SigningKey.make()
    directory.mkdir(exist_ok=True)
    write_key(directory / KEY_FILE, key)
    certificate = Certificate(client, "retail", key.public.raw, 1, 0, 1, bytes(16))
    return Identity(key, certificate, b"")


def test_clients_of_one_process_share_keys_that_do_not_last() -> None:
    keys = keys_of_process(["a", "b"])
    assert keys["a"] is keys["b"]
    assert not keys["a"].lasting
    assert keys_of_process(["a"])["a"].public != keys["a"].public


def test_an_identity_keeps_its_keys(tmp_path: Path) -> None:
    identities = {"a": identity(tmp_path, "a")}
    first, again = (keys_of_identities(tmp_path, identities)["a"] for _ in range(2))
    assert first.public == again.public
    assert first.public.signing == identities["a"].key.public.raw
    assert first.lasting


def test_clients_with_identities_have_keys_of_their_own(tmp_path: Path) -> None:
    identities = {name: identity(tmp_path / name, name) for name in ("a", "b")}
    keys = keys_of_identities(tmp_path, identities)
    assert keys["a"].public.exchange != keys["b"].public.exchange
    assert (tmp_path / "b" / EXCHANGE_FILE).exists()
