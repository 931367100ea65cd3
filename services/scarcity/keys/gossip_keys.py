"""The keys with which a client trades: one to open what peers seal, one to sign what it sends."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from scarcity.keys.exchange_key import ExchangeKey, read_or_make_exchange_key
from scarcity.keys.identity import KEY_FILE, identity_directory
from scarcity.keys.record_signing import Identity
from scarcity.keys.signing import SigningKey


class PublicGossipKeys(NamedTuple):
    """What peers must have: ``exchange`` X25519, ``signing`` Ed25519; 32 bytes each."""

    exchange: bytes
    signing: bytes


@dataclass(frozen=True)
class GossipKeys:
    """A client's own.

    Attributes:
        lasting: whether they outlive the process, so that it can seal for itself, too.
    """

    exchange: ExchangeKey
    signing: SigningKey
    lasting: bool = False

    @cached_property
    def public(self) -> PublicGossipKeys:
        """The other halves."""
        return PublicGossipKeys(self.exchange.public, self.signing.public.raw)


def keys_of_process(clients: Iterable[str]) -> Mapping[str, GossipKeys]:
    """Keys for clients without an identity: made now, kept nowhere, shared by one process."""
    return dict.fromkeys(clients, GossipKeys(ExchangeKey.make(), SigningKey.make()))


def keys_of_identities(root: Path, identities: Mapping[str, Identity]) -> Mapping[str, GossipKeys]:
    """Keys of clients with identities; `exchange.key` is made where there is none.

    Args:
        root: as for :func:`scarcity.keys.identity.read_identities`.

    Raises:
        InputError: a file cannot be read or written.
    """
    single = (root / KEY_FILE).exists()
    return {
        client: GossipKeys(
            read_or_make_exchange_key(root if single else identity_directory(root, client)),
            identity.key,
            lasting=True,
        )
        for client, identity in identities.items()
    }
