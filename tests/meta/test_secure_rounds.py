"""Mode `secagg` end to end over the in-process log: meta's and the clients' own cores."""

import msgspec
import numpy as np
import pytest
from tests.secagg.playing import drawing
from tests.secagg.world import DOMAIN, Client, World, profile, waves

from scarcity.client.outgoing import profile_record, secure_record
from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import EventError
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SecureSum
from scarcity.events.tensor import TensorPayload
from scarcity.events.topics import SECAGG_ROUNDS
from scarcity.events.types import Outgoing, Record
from scarcity.meta.secure_rounds import describe_notice
from scarcity.secagg.masks import Place
from scarcity.secagg.member import Member
from scarcity.secagg.notice import TURNED_OFF


def test_versions_are_made_of_sums_alone() -> None:
    world = World(waves(8))
    world.until_version(2)
    assert [e.clients for e in world.entries()] == [0, 8, 8]
    assert world.records(f"insights.{DOMAIN}") == []
    first, second, _ = world.entries()
    assert first.sums == SecureSum()
    assert second.sums is not None
    assert second.sums.members == tuple(sorted(world.clients))
    assert (second.closed_by, second.active_clients) == ("quorum", 8)


def test_what_is_given_up_is_said_when_the_first_round_is_called() -> None:
    world = World(waves(3))
    (start,) = world.meta.advance(world.now_ms)
    (call,) = world.meta.advance(world.now_ms)
    assert start.entry is not None
    assert TURNED_OFF in call.describe()
    assert "quarantine" in TURNED_OFF


@pytest.mark.parametrize("stage", ["share", "mask", "reveal"])
def test_a_round_loses_clients_at_any_stage_and_its_version_is_made(stage: str) -> None:
    world = World(waves(7))
    world.until_version(1)
    world.until_stage(stage)
    world.kill("c01", "c04")
    world.until_version(2)
    entry = world.entries()[-1]
    assert entry.sums is not None
    assert entry.sums.absent == (("c01", "c04") if stage == "share" else ())
    assert entry.clients == (7 if stage == "reveal" else 5)
    assert entry.closed_by == ("quorum" if stage == "reveal" else "deadline")


def test_a_client_that_was_killed_takes_part_again_after_its_restart() -> None:
    world = World(waves(5))
    world.until_stage("mask")
    world.kill("c02")
    world.until_version(1)
    world.revive(["c02"])
    world.until_version(2)
    assert [e.clients for e in world.entries()] == [0, 4, 5]


def test_a_client_that_was_started_anew_in_the_middle_is_silent_until_the_next_round() -> None:
    world = World(waves(5))
    world.until_stage("mask")
    world.kill("c02")
    world.revive(["c02"])
    world.until_version(1)
    assert world.entries()[-1].clients == 4
    world.until_version(2)
    assert world.entries()[-1].clients == 5


def test_below_the_threshold_the_round_ends_without_a_sum_and_the_next_one_learns() -> None:
    world = World(waves(6))
    world.until_stage("mask")
    world.kill("c01", "c02")
    world.pass_deadline()
    world.until_stage("call")
    closed = [n for n in world.notices() if n.stage == "closed"]
    assert [n.reason for n in closed] == ["0 members answered stage mask, 5 must"]
    assert world.version == 0
    world.until_version(1)
    assert world.entries()[-1].clients == 4
    assert "ended without a sum: 0 members" in describe_notice(closed[0])


def test_a_writer_that_takes_over_calls_a_new_round_with_a_higher_number() -> None:
    world = World(waves(4))
    world.until_version(1)
    world.until_stage("reveal")
    before = world.notices()[-1].round
    world.restart_meta()
    world.until_version(2)
    later = [n.round for n in world.notices() if n.round > before]
    assert len(set(later)) >= 1
    assert [e.version for e in world.entries()] == [0, 1, 2]
    sums = [e.sums.round for e in world.entries()[1:] if e.sums is not None]
    assert before not in sums


def test_a_round_does_not_begin_with_fewer_clients_than_the_policy_asks_for() -> None:
    world = World(waves(3))
    world.kill("c01")
    for _ in range(4):
        world.step()
        world.pass_deadline()
    assert world.version == 0
    assert world.meta.waits[DOMAIN].reason == "waits for clients: 2 of at least 3"


def ruled_out(world: World, client: str) -> None:
    """A tombstone of the client's registration: it left."""
    world.append(Outgoing("clients", client.encode(), None))


def test_a_client_that_left_in_the_middle_of_a_round_is_in_no_sum() -> None:
    world = World(waves(5))
    world.until_stage("reveal")
    ruled_out(world, "c03")
    world.until_version(1)
    assert [n.reason for n in world.notices() if n.stage == "closed"] == ["c03 counts no more"]
    entry = world.entries()[-1]
    assert entry.sums is not None
    assert "c03" not in entry.sums.members


def test_a_member_that_adds_what_nobody_can_have_measured_spoils_its_round_only() -> None:
    world = World(waves(5))
    world.until_stage("mask")
    liar = world.clients["c00"]
    (honest,) = liar.summing.answers(["c00"], liar.versions)
    assert honest.masked is not None  # type: ignore[union-attr]
    words = np.frombuffer(honest.masked.data, "<u8") + np.uint64(2**40)  # type: ignore[union-attr]
    payload = TensorPayload((len(words),), "int64", words.tobytes())
    false = msgspec.structs.replace(honest, masked=payload)
    world.append(secure_record(false, now_ms=world.now_ms))
    world.until_version(1)
    reasons = [n.reason for n in world.notices() if n.stage == "closed"]
    assert len(reasons) == 1
    assert "5 members" in reasons[0]


def test_of_too_many_clients_some_are_drawn_and_later_rounds_draw_others() -> None:
    rules = profile().sum_rules
    few = profile(secagg=msgspec.structs.replace(rules, most_members=3))
    world = World(waves(6), few)
    world.until_version(4)
    drawn = [e.sums.members for e in world.entries()[1:] if e.sums is not None]
    assert {len(members) for members in drawn} == {3}
    assert len(set(drawn)) > 1


def test_messages_under_a_false_name_are_refused() -> None:
    world = World(waves(3))
    world.until_stage("call")
    keys = Member("c00", Place(DOMAIN, 1), profile().sum_rules, drawing()).keys()
    forged = secure_record(keys, now_ms=0)._replace(key=b"c01")
    elsewhere = secure_record(keys, now_ms=0)._replace(topic="secagg-keys.other")
    for outgoing in (forged, elsewhere):
        record = world.log.append(outgoing)
        with pytest.raises(EventError):
            world.meta.observe(record)


def test_an_announcement_under_another_key_is_refused() -> None:
    world = World(waves(3))
    notice = SecureRound("other", 1, 0, "call")
    record = world.log.append(Outgoing(SECAGG_ROUNDS, DOMAIN.encode(), encode_msgpack(notice)))
    with pytest.raises(EventError, match="another key"):
        world.meta.observe(record)
    assert isinstance(record, Record)


def test_a_changed_profile_begins_a_new_round() -> None:
    world = World(waves(4))
    world.until_stage("mask")
    number = world.notices()[-1].round
    policy = RoundPolicy(min_clients=4, quorum=1.0, deadline_s=9.0)
    changed = profile(policy=policy)
    world.append(profile_record(changed, now_ms=world.now_ms))
    world.until_version(1)
    entry = world.entries()[-1]
    assert entry.sums is not None
    assert entry.sums.round > number
    assert entry.policy.deadline_s == 9.0


def test_another_threshold_than_the_members_know_is_refused_by_them() -> None:
    loose = profile(secagg=msgspec.structs.replace(profile().sum_rules, threshold=0.5))
    world = World(waves(6), loose)
    world.clients = {n: Client(n, {n: rows}, profile()) for n, rows in waves(6).items()}
    world.until_stage("share")
    world.answer()
    remarks = [r for c in world.clients.values() for r in c.summing.remarks]
    assert len(remarks) == 6
    assert "of 6 members announces 4 shares" in remarks[0]
