"""A client in rounds of secure sums: what it answers, what it waits for, what it never tells."""

import msgspec
import numpy as np
import pytest
from tests.secagg.world import DOMAIN, World, waves

from scarcity.client.outgoing import secure_record
from scarcity.client.summing import MOST_ROUNDS
from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.topics import SECAGG_ROUNDS, secagg_keys_topic
from scarcity.events.types import Outgoing, Position, Record


def record(topic: str, key: str, event: msgspec.Struct) -> Record:
    return Record(Position(topic, 0, 0), key.encode(), encode_msgpack(event), 0)


def test_it_answers_each_announcement_once() -> None:
    world = World(waves(4))
    for stage, kind in [("call", "keys"), ("share", "shares"), ("mask", "masked")]:
        world.until_stage(stage)
        client = world.clients["c00"]
        (answer,) = client.summing.answers(["c00"], client.versions)
        assert answer.stage == kind
        assert client.summing.answers(["c00"], client.versions) == []
        world.append(secure_record(answer, now_ms=world.now_ms))


def test_two_masked_terms_of_one_client_have_nothing_in_common() -> None:
    world = World(waves(4))
    world.until_version(2)
    masked = [t.masked for t in world.terms() if t.client_id == "c00" and t.masked is not None]
    one, other = (np.frombuffer(m.data, "<u8") for m in masked)
    assert not (one == other).any()
    share = np.unpackbits(np.frombuffer((one ^ other).tobytes(), np.uint8)).mean()
    assert share == pytest.approx(0.5, abs=0.01)


def test_it_waits_for_the_version_that_a_term_is_of() -> None:
    world = World(waves(4))
    world.until_stage("mask")
    client = world.clients["c00"]
    current, client.versions.current = client.versions.current, None
    assert client.summing.answers(["c00"], client.versions) == []
    client.versions.current = current
    assert len(client.summing.answers(["c00"], client.versions)) == 1


def test_it_waits_for_all_shares_that_are_on_their_way() -> None:
    world = World(waves(4))
    world.until_stage("mask")
    client = world.clients["c00"]
    sealed = client.summing._sealed[world.notices()[-1].round]["c00"]
    late = sealed.pop("c02")
    assert client.summing.answers(["c00"], client.versions) == []
    sealed["c02"] = late
    assert len(client.summing.answers(["c00"], client.versions)) == 1


def test_it_says_nothing_of_a_version_that_is_over() -> None:
    world = World(waves(4))
    world.until_stage("mask")
    client = world.clients["c00"]
    notice = msgspec.structs.replace(world.notices()[-1], version=-1)
    client.summing.take(record(SECAGG_ROUNDS, DOMAIN, notice))
    assert client.summing.answers(["c00"], client.versions) == []
    assert client.summing.answers(["c00"], client.versions) == []


def test_a_sum_of_itself_alone_is_refused_and_not_an_error() -> None:
    world = World(waves(3))
    world.until_stage("share")
    notice = world.notices()[-1]
    alone = SecureRound(DOMAIN, notice.round, notice.version, "mask", ["c00"], threshold=3)
    client = world.clients["c00"]
    client.summing.take(record(SECAGG_ROUNDS, DOMAIN, alone))
    assert client.summing.answers(["c00"], client.versions) == []
    assert "c00" in client.summing.remarks[0]


def test_an_earlier_round_and_another_domain_are_passed_over() -> None:
    world = World(waves(3))
    world.until_stage("call")
    client, number = world.clients["c00"], world.notices()[-1].round
    client.summing.answers(["c00"], client.versions)
    client.summing.take(record(SECAGG_ROUNDS, DOMAIN, SecureRound(DOMAIN, number - 1, 0, "call")))
    client.summing.take(record(SECAGG_ROUNDS, "other", SecureRound("other", number + 1, 0, "call")))
    assert client.summing.answers(["c00"], client.versions) == []


def test_a_message_under_a_false_name_is_refused() -> None:
    world = World(waves(3))
    client = world.clients["c00"]
    told = SecureKeys("c01", DOMAIN, 1, "keys", bytes(32), bytes(32))
    with pytest.raises(EventError, match="a message of"):
        client.summing.take(record(secagg_keys_topic(DOMAIN), "c02", told))
    with pytest.raises(EventError, match="a round of"):
        client.summing.take(record(SECAGG_ROUNDS, DOMAIN, SecureRound("x", 1, 0, "call")))
    client.summing.take(Record(Position(SECAGG_ROUNDS, 0, 0), b"x", None, 0))


def test_messages_of_rounds_that_never_come_do_not_pile_up() -> None:
    world = World(waves(3))
    world.until_stage("call")
    client, number = world.clients["c00"], world.notices()[-1].round
    for later in range(50):
        told = SecureKeys("c01", DOMAIN, number + later, "shares", sealed={"c00": b"x"})
        client.summing.take(record(secagg_keys_topic(DOMAIN), "c01", told))
    assert len(client.summing._sealed) == MOST_ROUNDS
    assert min(client.summing._sealed) == number


def test_a_server_that_asks_twice_who_survived_gets_one_answer() -> None:
    world = World(waves(6))
    world.until_stage("reveal")
    notice = world.notices()[-1]
    fewer = msgspec.structs.replace(notice, clients=notice.clients[:5])
    client = world.clients["c00"]
    (first,) = client.summing.answers(["c00"], client.versions)
    world.append(Outgoing(SECAGG_ROUNDS, DOMAIN.encode(), encode_msgpack(fewer)))
    assert client.summing.answers(["c00"], client.versions) == []
    assert "has no step 'reveal' now" in client.summing.remarks[0]
    assert first.key_shares == {}  # type: ignore[union-attr]
