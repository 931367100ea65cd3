"""States survive `meta-state` bit for bit."""

import numpy as np
import pytest
from tests.meta.feeding import insight

from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.meta_state import MetaState
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.meta.recompute import first_version, next_version
from scarcity.meta.state_codec import (
    KeptDomain,
    decode_domain,
    decode_family,
    encode_domain,
    encode_family,
)


def through_bytes(event: MetaState) -> MetaState:
    return decode_msgpack(encode_msgpack(event), MetaState)


def test_states_come_back_from_their_bytes_and_go_on_alike() -> None:
    engine = OnlineMAMLEngine()
    first = first_version(engine, "retail", "shops", 2, {})
    told = [insight("retail", client, 1) for client in "abcde"]
    one = next_version(engine, "retail", first.domain, first.family, told)
    kept = KeptDomain("shops", one.domain, {0: 5, 2: 9}, {"x": (0.1, 3.0)}, 1_234)
    back = decode_domain(through_bytes(encode_domain("retail", kept, "abc")))
    family = decode_family(through_bytes(encode_family("shops", one.family)))
    assert back._replace(state=one.domain) == kept
    told = [insight("retail", client, 2, 1) for client in "abcde"]
    on = next_version(engine, "retail", one.domain, one.family, told)
    again = next_version(engine, "retail", back.state, family, told)
    assert on.result_hash == again.result_hash
    assert np.array_equal(on.family.z0, again.family.z0)


def test_candidates_of_a_new_domain_are_kept() -> None:
    engine = OnlineMAMLEngine()
    first = first_version(engine, "retail", "shops", 2, {})
    told = [insight("retail", client, 1) for client in "abcde"]
    taught = next_version(engine, "retail", first.domain, first.family, told).family
    fresh = first_version(engine, "outlet", "shops", 2, {"shops": taught})
    kept = KeptDomain("shops", fresh.domain, {}, {}, 0)
    back = decode_domain(through_bytes(encode_domain("outlet", kept, "")))
    assert set(back.state.candidates) == set(fresh.domain.candidates) == {"family", "default"}


def test_a_state_that_lacks_a_figure_is_named() -> None:
    with pytest.raises(EventError, match="meta-state of 'retail' lacks"):
        decode_domain(MetaState("retail", 3, "shops"))
    with pytest.raises(EventError, match=r"meta-state of '\*shops' lacks"):
        decode_family(MetaState("*shops", 3, "shops"))
