"""Signs events and judges their signatures: ledger entries, rulings, whatever has the fields."""

from typing import Any, Protocol, TypeVar

import msgspec

from scarcity.keys.signing import SigningKey, TrustedKeys, Verdict


class Signed(Protocol):
    """An event that names its signer; :meth:`signed_bytes` leaves the signature out."""

    key_id: str
    signature: str

    def signed_bytes(self) -> bytes:
        """What the signature is over."""
        ...


S = TypeVar("S", bound=Signed)


def sign_event(event: S, key: SigningKey) -> S:
    """The event with the key's id and its signature."""
    named = _replace(event, key_id=key.public.key_id, signature="")
    signature = key.sign(type(event).__name__, named.signed_bytes())
    return _replace(named, signature=signature.hex())


def judge_event(event: Signed, trusted: TrustedKeys) -> Verdict:
    """What an event's signature is worth."""
    purpose = type(event).__name__
    return trusted.judge(event.key_id, event.signature, purpose, event.signed_bytes())


def _replace(event: S, **changes: str) -> S:
    struct: Any = event  # a protocol cannot say that it is a msgspec struct as well
    changed: S = msgspec.structs.replace(struct, **changes)
    return changed
