"""The operators' public keys that a service goes by: whose certificates and revocations hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from scarcity.events.errors import InputError
from scarcity.keys.files import read_public_keys
from scarcity.keys.record_mac import MacSecret
from scarcity.keys.signing import KEY_BYTES, PublicKey

OPERATOR_KEYS_FILE_KEY: Final = "SCARCITY_OPERATOR_KEYS_FILE"
MEMORY_SECRET_FILE_KEY: Final = "SCARCITY_MEMORY_SECRET_FILE"


def read_operator_keys(environ: Mapping[str, str]) -> list[PublicKey]:
    """Keys of the file that the environment names; empty: signatures are not required.

    Raises:
        InputError: the file cannot be read or holds no key; the message names the key.
    """
    path = environ.get(OPERATOR_KEYS_FILE_KEY)
    if not path:
        return []
    try:
        return read_public_keys(Path(path))
    except InputError as error:
        raise InputError(f"{OPERATOR_KEYS_FILE_KEY}: {error}") from None


def read_memory_secret(environ: Mapping[str, str]) -> MacSecret | None:
    """The memory's secret, by which it checks MACs; None: it checks signatures.

    Raises:
        InputError: the file cannot be read or holds none; the message names the key.
    """
    path = environ.get(MEMORY_SECRET_FILE_KEY)
    if not path:
        return None
    try:
        seed = bytes.fromhex(Path(path).read_text("ascii"))
    except (OSError, ValueError) as error:
        raise InputError(f"{MEMORY_SECRET_FILE_KEY}: {path}: cannot be read: {error}") from None
    if len(seed) != KEY_BYTES:
        raise InputError(
            f"{MEMORY_SECRET_FILE_KEY}: {path}: want {KEY_BYTES} bytes in hex; "
            "`scarcity ca memory-key FILE` makes one"
        )
    return MacSecret(seed)
