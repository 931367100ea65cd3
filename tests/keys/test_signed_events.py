"""Events are signed over everything they say, and nothing but the signature is left out."""

import msgspec
import pytest

from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.meta_state import MetaState
from scarcity.events.ruling import Ruling
from scarcity.keys.signed_events import judge_event, sign_event
from scarcity.keys.signing import SigningKey, TrustedKeys, Verdict

KEY = SigningKey(bytes(32))
TRUSTED = TrustedKeys([KEY.public])
STATE = MetaState("retail", 3, "shops", scalars={"excess": 0.5})
RULING = Ruling("repair", ("retail",), ("a", "b"), 5, "why", 7, "abc", (STATE,))


def test_a_signed_event_holds_and_names_its_key() -> None:
    signed = sign_event(RULING, KEY)
    assert signed.key_id == KEY.public.key_id
    assert judge_event(signed, TRUSTED) is Verdict.GOOD
    assert judge_event(RULING, TRUSTED) is Verdict.UNSIGNED
    assert judge_event(signed, TrustedKeys()) is Verdict.UNKNOWN_KEY


def test_it_holds_after_it_went_over_the_broker() -> None:
    back = decode_msgpack(encode_msgpack(sign_event(RULING, KEY)), Ruling)
    assert judge_event(back, TRUSTED) is Verdict.GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "readmit"},
        {"domains": ("bakery",)},
        {"clients": ("a",)},
        {"ruled_at_ms": 6},
        {"reason": ""},
        {"base_length": 8},
        {"base_hash": "abd"},
        {"states": ()},
        {"states": (msgspec.structs.replace(STATE, scalars={"excess": 0.25}),)},
    ],
)
def test_whatever_is_changed_the_signature_does_not_hold(changes: dict[str, object]) -> None:
    changed = msgspec.structs.replace(sign_event(RULING, KEY), **changes)
    assert judge_event(changed, TRUSTED) is Verdict.BAD


def test_signing_again_gives_the_same_bytes() -> None:
    once = sign_event(RULING, KEY)
    assert sign_event(once, KEY) == once
