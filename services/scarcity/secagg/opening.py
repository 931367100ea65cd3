"""The sum of a round, from the messages of its members: the server's computation and the audit's.

Source: Bonawitz et al. (2017), figure 4, round 4 of the server.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from scarcity.events.secure_sum import SecureSum
from scarcity.events.secure_term import SecureTerm
from scarcity.secagg.masks import (
    Ints,
    Place,
    WeakKeyError,
    Words,
    mask,
    pair_seed,
    public_key,
    to_ints,
)
from scarcity.secagg.shamir import ShareError, combine, from_bytes, secret_bytes


class OpeningError(ValueError):
    """These messages open no sum."""


def open_sum(
    domain: str,
    told: SecureSum,
    masked: Mapping[str, SecureTerm],
    revealed: Mapping[str, SecureTerm],
    mask_keys: Mapping[str, bytes] | None = None,
) -> Ints:
    """The sum of the terms of ``masked``; int64 [d], modulo 2**64.

    Args:
        masked: by client; the sum is of these, and of no others.
        revealed: by client; of at least ``told.threshold`` members.
        mask_keys: public keys of members that shared, when they are known: opened keys must fit.

    Raises:
        OpeningError: too few shares, shares of nothing, or vectors of several lengths.
    """
    sharers = [c for c in told.members if c not in told.absent]
    gone = [c for c in sharers if c not in masked]
    numbers = {client: number for number, client in enumerate(told.members, 1)}
    if not masked.keys() <= set(sharers) or not revealed.keys() <= masked.keys():
        raise OpeningError("a message is of a client that is no member")
    if len(masked) < told.threshold:
        raise OpeningError(f"{len(masked)} masked terms; {told.threshold} are the least")
    place = Place(domain, told.round)
    total = _masked_total(masked.values())
    for client in masked:
        total = total - mask(_open("seed_shares", client, told, revealed, numbers), len(total))
    for client in gone:
        secret = _open("key_shares", client, told, revealed, numbers)
        if mask_keys is not None and public_key(secret) != mask_keys[client]:
            raise OpeningError(f"the shares of {client} are not of its key")
        for other in masked:
            try:
                seed = pair_seed(secret, masked[other].mask_key, place, client, other)
            except WeakKeyError as error:
                raise OpeningError(f"{other}: {error}") from None
            common = mask(seed, len(total))
            # What ``other`` has added or taken away for its pair with ``client``.
            total = total - common if other < client else total + common
    return to_ints(total)


def _masked_total(terms: Iterable[SecureTerm]) -> Words:
    vectors = [np.frombuffer(t.masked.data, "<u8") for t in terms if t.masked is not None]
    if not vectors or len({len(vector) for vector in vectors}) != 1:
        raise OpeningError("the masked terms are not of one length")
    total: Words = np.zeros(len(vectors[0]), dtype=np.uint64)
    for vector in vectors:
        total = total + vector
    return total


def _open(
    kind: str,
    client: str,
    told: SecureSum,
    revealed: Mapping[str, SecureTerm],
    numbers: Mapping[str, int],
) -> bytes:
    found = {
        numbers[holder]: getattr(term, kind)[client]
        for holder, term in revealed.items()
        if client in getattr(term, kind)
    }
    try:
        shares = {number: from_bytes(raw) for number, raw in found.items()}
        return secret_bytes(combine(shares, told.threshold))
    except ShareError as error:
        raise OpeningError(f"{kind} of {client}: {error}") from None
