"""Whoever floods a domain's members' topic fills neither the server's memory nor a member's."""

import msgspec
import pytest
from tests.secagg.playing import DOMAIN, ROUND, drawing
from tests.secagg.test_gathering import gathering, member
from tests.secagg.world import DOMAIN as WAVES
from tests.secagg.world import World, waves

from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.topics import secagg_keys_topic
from scarcity.events.types import Position, Record

KEY = bytes([9]) * 32


def told_by(client: str, message: SecureKeys) -> Record:
    where = Position(secagg_keys_topic(WAVES), 0, 0)
    return Record(where, client.encode(), encode_msgpack(message), 0)


def test_the_server_keeps_the_keys_of_so_many_names_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scarcity.secagg.gathering.MOST_ASKING", 5)
    server = gathering()
    assert all(server.take(member(f"c{n}").keys()) for n in range(5))
    assert not any(server.take(member(f"false-{n}").keys()) for n in range(20))
    assert server.take(member("c1", seed=1).keys())  # who is known may begin anew
    server.leave(["c2"])
    assert server.take(member("late").keys())


def test_keys_of_who_left_or_began_anew_are_free_for_nobody_else_while_they_hold() -> None:
    server = gathering()
    first, second = member("a").keys(), member("a", seed=1).keys()
    assert server.take(first)
    assert server.take(second)
    stolen = msgspec.structs.replace(second, client_id="b")
    with pytest.raises(EventError, match="used twice"):
        server.take(stolen)
    assert server.take(msgspec.structs.replace(first, client_id="b"))  # nobody's any more


def test_a_message_of_keys_carries_nothing_else_and_shares_are_short() -> None:
    server = gathering()
    keys = member("a").keys()
    with pytest.raises(EventError, match="in one message"):
        server.take(msgspec.structs.replace(keys, sealed={"b": bytes(1 << 19)}))
    for client in "abc":
        server.take(member(client).keys())
    shares = member("a").share(server.go_on(), {})
    shares.sealed["b"] = bytes(1 << 19)
    with pytest.raises(EventError, match="more than"):
        server.take(shares)


def test_a_member_keeps_so_many_names_a_round_where_nobody_signs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scarcity.client.summing.MOST_NAMES", 5)
    world = World(waves(3))
    world.until_stage("call")
    summing, number = world.clients["c00"].summing, world.notices()[-1].round
    for n in range(50):
        draw = drawing("flood", n)
        told = SecureKeys(f"false-{n}", WAVES, number + 1, "keys", draw(32), draw(32))
        summing.take(told_by(told.client_id, told))
        shares = SecureKeys(f"false-{n}", WAVES, number + 1, "shares", sealed={"c00": b"x"})
        summing.take(told_by(told.client_id, shares))
    assert len(summing._keys[number + 1]) == 5
    assert len(summing._sealed[number + 1]["c00"]) == 5


@pytest.mark.parametrize(
    "told",
    [
        SecureKeys("n" * 300, WAVES, ROUND, "keys", KEY, KEY),
        SecureKeys("c01", WAVES, ROUND, "keys", bytes(1 << 19), KEY),
        SecureKeys("c01", WAVES, ROUND, "keys", KEY, KEY, {"c00": bytes(1 << 19)}),
        SecureKeys("c01", WAVES, ROUND, "shares", sealed={"c00": bytes(1 << 19)}),
        SecureKeys("c01", DOMAIN, ROUND, "keys", KEY, KEY),
    ],
    ids=["long name", "long key", "keys with shares", "long share", "another domain"],
)
def test_a_member_refuses_what_is_too_long_for_a_round(told: SecureKeys) -> None:
    world = World(waves(3))
    summing = world.clients["c00"].summing
    with pytest.raises(EventError) as refused:
        summing.take(told_by(told.client_id, told))
    assert len(str(refused.value)) < 300
    assert not any(summing._keys.values())
