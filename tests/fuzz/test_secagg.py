"""Whatever members of a secure sum send, server and members take it or refuse it, and go on."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fuzz.hostile import values_of
from tests.secagg.playing import DOMAIN, ROUND, Played, names, play, random_terms
from tests.secagg.world import DOMAIN as WAVES
from tests.secagg.world import World, waves

from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_term import SecureTerm
from scarcity.events.tensor import TensorPayload
from scarcity.events.topics import SECAGG_ROUNDS, secagg_keys_topic
from scarcity.events.types import Position, Record
from scarcity.secagg.member import RefusedError
from scarcity.secagg.opening import OpeningError

SOME = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MEMBERS = names(5)
TERMS = random_terms(MEMBERS, 4)
KEYS = st.one_of(st.binary(max_size=40), st.just(bytes(32)), st.just(b"\x01" + bytes(31)))
CLIENTS = st.one_of(st.sampled_from(MEMBERS), st.text(max_size=4))
SHARES = st.dictionaries(CLIENTS, st.one_of(st.binary(max_size=40), st.just(b"\xff" * 33)))


def told_keys(round_number: int) -> st.SearchStrategy[SecureKeys]:
    return st.builds(
        SecureKeys,
        CLIENTS,
        st.sampled_from([DOMAIN, "other"]),
        st.one_of(st.just(round_number), st.integers(-(2**63), 2**63)),
        st.sampled_from(["keys", "shares"]),
        KEYS,
        KEYS,
        SHARES,
    )


@st.composite
def told_terms(draw: st.DrawFn) -> SecureTerm:
    shares, others = draw(SHARES), draw(SHARES)
    masked = None
    if draw(st.booleans()):
        numbers = draw(st.integers(0, 6))
        masked = TensorPayload((numbers,), "int64", b"\xff" * (8 * numbers))
    return SecureTerm(
        draw(CLIENTS),
        DOMAIN,
        ROUND,
        "revealed" if masked is None else "masked",
        masked,
        draw(KEYS),
        {c: s for c, s in shares.items() if c not in others},
        others,
    )


def at(stage: str) -> Played:
    """A round in which the last of the members is still to say something in this stage."""
    last = MEMBERS[-1:]
    points = {"share": "before_shares", "mask": "before_terms", "reveal": "after_terms"}
    chosen: Any = {points[stage]: last}
    return play(TERMS, **chosen)


@pytest.mark.parametrize("stage", ["share", "mask", "reveal"])
@SOME
@given(told=st.lists(st.one_of(told_keys(ROUND), told_terms()), max_size=8))
def test_a_round_goes_on_whatever_is_sent_in_it(
    stage: str, told: list[SecureKeys | SecureTerm]
) -> None:
    server = at(stage).gathering
    for message in told:
        with contextlib.suppress(EventError):
            server.take(message)
    if server.stage == "reveal":
        with contextlib.suppress(OpeningError):
            assert len(server.total()) == 4


@SOME
@given(reveals=st.dictionaries(st.sampled_from(MEMBERS), told_terms(), min_size=4))
def test_shares_that_are_none_open_nothing_or_the_sum(reveals: dict[str, SecureTerm]) -> None:
    server = play(TERMS, after_terms=MEMBERS).gathering
    for client, told in reveals.items():
        message = msgspec.structs.replace(told, client_id=client, stage="revealed", masked=None)
        assert server.take(message)
    with contextlib.suppress(OpeningError):
        server.total()


@SOME
@given(data=st.data())
def test_a_member_takes_any_message_or_refuses_it(data: st.DataObject) -> None:
    member = WORLD.clients["c00"]
    for topic, kind in ((secagg_keys_topic(WAVES), "SecureKeys"), (SECAGG_ROUNDS, "SecureRound")):
        value = data.draw(values_of(kind, tensors=True))
        key = data.draw(st.sampled_from([b"c01", WAVES.encode(), b"", b"\xff"]))
        with contextlib.suppress(EventError):
            member.summing.take(Record(Position(topic, 0, 0), key, value, 0))


@pytest.mark.parametrize("reached", ["share", "mask", "reveal"])
@settings(SOME, max_examples=15)
@given(
    clients=st.lists(st.sampled_from(["c01", "c02", "c09", ""]), max_size=4, unique=True),
    stage=st.sampled_from(["call", "share", "mask", "reveal", "closed"]),
    threshold=st.one_of(st.just(3), st.integers(-(2**63), 2**63)),
    keys=KEYS,
)
def test_a_member_answers_any_announcement_or_says_why_not(
    reached: str, clients: list[str], stage: Any, threshold: int, keys: bytes
) -> None:
    world = World(waves(3))
    world.until_stage(reached)
    client, number = world.clients["c00"], world.notices()[-1].round
    named = sorted({"c00", *clients})
    many = len(named) if stage == "share" else 0
    notice = SecureRound(WAVES, number, 0, stage, named, [keys] * many, [keys] * many, threshold)
    raw = encode_msgpack(notice)
    with contextlib.suppress(EventError):
        client.summing.take(Record(Position(SECAGG_ROUNDS, 0, 0), WAVES.encode(), raw, 0))
    with contextlib.suppress(RefusedError):
        client.summing.answers(["c00"], client.versions)


WORLD = World(waves(3))
