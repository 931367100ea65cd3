"""Sealed gossip against everyone who may write to the topic or read it."""

import msgspec
import pytest
from tests.client.sealed_world import (
    VERSION,
    Party,
    keys_of,
    parties,
    plan,
    registration,
)

from scarcity.client.gossip_sealing import GroupSealing
from scarcity.client.refusals import RefusedError
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import GossipWeights, SealedDeviation
from scarcity.events.types import Record


def weights_of(record: Record) -> GossipWeights:
    return decode_msgpack(record.value, GossipWeights)


def test_members_of_a_group_read_each_other() -> None:
    a, b, c = parties(3)
    a.planned("c1", "c2")
    a.hears(b.offers("c0", "c2"), c.offers("c0", "c1"))
    (done,) = a.mixes()
    assert sorted(done.mixed) == ["c1", "c2"]
    assert a.counts == {}


def test_a_payload_says_nothing_of_the_prior() -> None:
    a, b = parties(2)
    record = b.offers("c0")
    plain = GroupSealing.open(a.exchange.sealing, weights_of(record), "c0")  # type: ignore[arg-type]
    windows = {plain[at : at + 8] for at in range(0, len(plain) - 8, 8)}
    assert len(windows) > 50
    assert record.value is not None
    assert not any(window in record.value for window in windows)


def test_any_changed_bit_is_refused() -> None:
    a, b, c = parties(3)
    a.planned("c1", "c2")
    record = b.offers("c0", "c2")
    assert record.value is not None
    for at in range(len(record.value)):
        changed = bytearray(record.value)
        changed[at] ^= 1 << at % 8
        try:
            a.hears(record._replace(value=bytes(changed)))
        except EventError:
            continue  # no message any more, or in another name: passed over with a remark
        assert a.view.heard == {}
    for at in range(64):
        name, signature = record.headers[-1]
        changed = bytearray(signature)
        changed[at] ^= 1
        a.hears(record._replace(headers=(*record.headers[:-1], (name, bytes(changed)))))
    assert a.view.heard == {}
    assert a.counts["forged"] > len(record.value) / 2
    a.hears(record, c.offers("c0", "c1"))
    (done,) = a.mixes()
    assert sorted(done.mixed) == ["c1", "c2"]


def test_a_message_is_refused_in_another_topic_or_under_another_key() -> None:
    a, b, _ = parties(3)
    a.planned("c1", "c2")
    record = b.offers("c0", "c2")
    with pytest.raises(EventError):
        a.hears(record._replace(key=b"c2"))
    moved = record._replace(position=record.position._replace(topic="gossip.health"))
    a.hears(moved)
    assert a.view.heard == {}


def test_an_old_message_that_is_sent_again_is_refused_and_does_not_displace_the_new() -> None:
    a, b = parties(2)
    a.planned("c1")
    old = b.offers("c0", cycle=1)
    a.hears(old)
    a.planned("c1", cycle=2)
    a.hears(b.offers("c0", cycle=2), old)
    assert a.view.heard["c1"].cycle == 2
    assert a.counts == {"replayed": 1}
    (done,) = a.mixes()
    assert done.mixed == ["c1"]


def test_an_old_payload_in_a_new_message_does_not_open() -> None:
    a, b = parties(2)
    a.planned("c1", cycle=2)
    old = weights_of(b.offers("c0", cycle=1))
    a.hears(b.sends(msgspec.structs.replace(old, cycle=2)))
    assert a.mixes() == []
    assert a.counts == {"does-not-open": 1}


@pytest.mark.parametrize("changes", [{"base_version": 7}, {"client_id": "c2"}])
def test_a_payload_is_bound_to_its_version_and_sender(changes: dict[str, object]) -> None:
    a, b, c = parties(3)
    a.planned("c1", "c2")
    honest = weights_of(b.offers("c0", "c2"))
    sender = c if "client_id" in changes else b
    a.hears(sender.sends(msgspec.structs.replace(honest, **changes)))
    assert a.mixes() == []
    assert a.counts == {"does-not-open": 1}


def test_a_member_cannot_speak_for_another_member() -> None:
    a, b, c = parties(3)
    a.planned("c1", "c2")
    honest = b.offers("c0", "c2")
    a.hears(honest)
    # c2 can read b's message and seal another in its name, but not sign it.
    forging = GroupSealing({"c1": c.keys}, c.peers)
    payload = forging.seal(b"\x80", plan("c1", "c0"), 0)
    forged = GossipWeights("c1", "retail", 1, 0, payload, sealing="hpke-1")
    a.hears(c.sends(forged))
    assert a.counts == {"forged": 1}
    assert a.view.heard["c1"] == weights_of(honest)


def test_a_member_of_another_group_is_not_mixed_in() -> None:
    a, b, c = parties(3)
    a.planned("c1")
    a.hears(b.offers("c0"), c.offers("c0"))  # nobody planned c2 with c0
    (done,) = a.mixes()
    assert done.mixed == ["c1"]
    a.mixes()
    assert a.counts == {"other-group": 1}


def test_a_member_of_another_group_cannot_read() -> None:
    _, b, c = parties(3)
    record = b.offers("c0")
    c.planned("c4")
    c.hears(record)
    assert c.view.heard == {}
    with pytest.raises(RefusedError, match="nothing is wrapped"):
        c.exchange.sealing.open(weights_of(record), "c2")


def test_a_removed_member_reads_no_later_cycle() -> None:
    _, b, c = parties(3)
    while_in, after = b.offers("c0", "c2", cycle=1), b.offers("c0", cycle=2)
    assert c.exchange.sealing.open(weights_of(while_in), "c2")
    with pytest.raises(RefusedError):
        c.exchange.sealing.open(weights_of(after), "c2")
    # Nor does the old content key help: each message has its own.
    old = decode_msgpack(weights_of(while_in).payload, SealedDeviation)
    new = decode_msgpack(weights_of(after).payload, SealedDeviation)
    spliced = encode_msgpack(SealedDeviation(new.body, old.wraps))
    for cycle in (1, 2):
        moved = msgspec.structs.replace(weights_of(after), payload=spliced, cycle=cycle)
        with pytest.raises(RefusedError, match="it was changed"):
            c.exchange.sealing.open(moved, "c2")


def test_a_newcomer_reads_from_the_cycle_that_it_is_planned_in() -> None:
    a, b = parties(2)
    before = b.offers("c0", cycle=1)
    late = Party("c2", keys_of(3))
    late.hears(*(registration(p.name, p.keys.public) for p in (a, b)), before)
    late.planned("c0", "c1", cycle=2)
    assert late.view.heard == {}
    for one in (a, b):
        one.hears(registration("c2", late.keys.public))
    late.offers("c0", "c1", cycle=2)
    late.hears(a.offers("c1", "c2", cycle=2), b.offers("c0", "c2", cycle=2))
    (done,) = late.mixes()
    assert sorted(done.mixed) == ["c0", "c1"]
    assert late.counts == {}


def test_a_client_that_left_is_sealed_for_no_more() -> None:
    _, b, _ = parties(3)
    b.hears(registration("c2", None)._replace(value=None))
    assert b.exchange.sealing.reached(plan("c1", "c0", "c2")) == ["c0"]


def test_a_plain_message_is_refused_where_gossip_is_sealed() -> None:
    a, b = parties(2)
    a.planned("c1")
    honest = weights_of(b.offers("c0"))
    plain = GroupSealing.open(a.exchange.sealing, honest, "c0")  # type: ignore[arg-type]
    a.hears(b.sends(msgspec.structs.replace(honest, sealing="none", payload=plain)))
    assert a.view.heard == {}
    assert a.counts == {"unsealed": 1}


def test_a_sender_whom_nobody_registered_is_refused() -> None:
    a, _ = parties(2)
    stranger = Party("c5", keys_of(6))
    stranger.hears(registration("c0", a.keys.public))
    a.hears(stranger.offers("c0"))
    assert a.view.heard == {}
    assert a.counts == {"unknown-sender": 1}


def test_a_peer_without_a_key_gets_nothing_and_the_others_do() -> None:
    a, b = parties(2)
    offers = a.exchange.offer([plan("c0", "c1", "c9")], VERSION)
    assert offers.unreached == {"c9"}
    (weights,) = offers.weights
    assert b.exchange.sealing.open(weights, "c1")
    alone = a.exchange.offer([plan("c0", "c9", cycle=2)], VERSION)
    assert (alone.alone, alone.weights, alone.registrations) == (["c0"], [], [])


def test_a_peer_that_did_not_know_our_key_is_said_to() -> None:
    a, b, _ = parties(3)
    a.planned("c1", "c2")
    a.hears(b.offers("c2"))
    assert a.counts == {"not-for-us": 1}


def test_nonsense_that_was_properly_sealed_is_as_if_the_peer_were_silent() -> None:
    a, b, c = parties(3)
    a.planned("c1", "c2")
    payload = b.exchange.sealing.seal(b"\xc1", plan("c1", "c0"), 0)
    nonsense = GossipWeights("c1", "retail", 1, 0, payload, sealing="hpke-1")
    a.hears(b.sends(nonsense), c.offers("c0", "c1"))
    (done,) = a.mixes()
    assert done.mixed == ["c2"]
    assert a.counts == {"malformed": 1}


def test_counts_of_what_was_refused_are_told_with_the_next_message() -> None:
    a, b = parties(2)
    a.planned("c1")
    a.hears(b.offers("c0")._replace(headers=()))
    assert weights_of(a.offers("c1", cycle=2)).refused == {"forged": 1}


def test_clients_that_share_keys_open_a_message_once() -> None:
    a, b = parties(2)
    opened = []

    class Counting(GroupSealing):
        def open(self, weights: GossipWeights, reader: str) -> bytes:
            opened.append(reader)
            return super().open(weights, reader)

    a.exchange.sealing = Counting({"c0": a.keys}, a.peers)
    heard = {"c1": weights_of(b.offers("c0"))}
    twice: list[GossipPlan] = [plan("c0", "c1"), plan("c0", "c1")]
    a.exchange.take(twice, VERSION, heard)
    assert opened == ["c0"]


def test_lasting_keys_let_a_restart_go_on_with_its_prior() -> None:
    first = Party("c0", keys_of(1, lasting=True))
    first.hears(registration("c1", keys_of(2).public))
    record = first.offers("c1")
    again = Party("c0", keys_of(1, lasting=True))
    again.hears(record)
    told = again.view.told["c0"]
    assert told.is_own
    again.exchange.restore(told.weights)
    difference = again.exchange.prior("c0", VERSION) - first.exchange.prior("c0", VERSION)
    assert float(difference.norm()) < 0.05


def test_keys_of_a_process_do_not_open_what_an_earlier_one_wrote() -> None:
    first = Party("c0", keys_of(1))
    first.hears(registration("c1", keys_of(2).public))
    again = Party("c0", keys_of(3))
    again.hears(first.offers("c1"))
    told = again.view.told["c0"]
    assert not told.is_own
    with pytest.raises(RefusedError):
        again.exchange.restore(told.weights)
