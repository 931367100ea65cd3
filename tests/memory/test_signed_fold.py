"""The fold with signatures required: who is heard, who is refused, and under which reason."""

import random

import pytest
from tests.memory.folding import Folding
from tests.memory.insights import insight, record
from tests.memory.signing import (
    DAY_MS,
    NOW_MS,
    OPERATOR,
    STRANGER,
    at,
    identity,
    revocation,
    signed,
    with_header,
)

from scarcity.events.errors import Reason
from scarcity.events.partitioning import partition_of
from scarcity.events.topics import insights_topic
from scarcity.events.types import Position, Record
from scarcity.keys.record_signing import sign_record
from scarcity.keys.signing import SigningKey
from scarcity.memory.global_memory import GlobalMemory

SHOP = identity()


def test_a_signed_insight_is_folded_and_its_serial_kept() -> None:
    folding = Folding().fold(signed(SHOP, 1), signed(SHOP, 2, 1))
    client = folding.memory.client("shop-1")
    assert client is not None
    assert (client.accepted, client.serial, folding.parked) == (2, 1, [])


def test_an_unsigned_insight_is_refused() -> None:
    folding = Folding().fold(record(insight(sequence=1)))
    assert folding.reasons == [Reason.UNSIGNED]
    assert "--identity" in folding.why
    assert len(folding.memory) == 0


def forgeries() -> dict[str, Record]:
    """One record a way to forge, each refused as such."""
    true = signed(SHOP, 1)
    mallory = identity("mallory")
    other_key = SigningKey(bytes([7] * 32))
    stolen = identity(key=other_key)  # an operator's certificate, but see below
    false_certificate = identity(operator=STRANGER)
    cut = SHOP.raw[:64] + false_certificate.raw[64:]
    headers = true.headers
    topic = true.position.topic
    signature = dict(headers)["sc_sig"]
    return {
        "value changed": true._replace(value=(true.value or b"").replace(b"0.5", b"0.4")),
        "another's certificate": true._replace(
            headers=sign_record(mallory, topic, b"shop-1", 1, true.value)
        ),
        "another key's signature": true._replace(
            headers=with_header(headers, "sc_sig", stolen.key.sign("record", true.value or b""))
        ),
        "bytes of a signature": true._replace(headers=with_header(headers, "sc_sig", bytes(64))),
        "signature too short": true._replace(
            headers=with_header(headers, "sc_sig", signature[:63])
        ),
        "signed for another purpose": true._replace(
            headers=with_header(headers, "sc_sig", SHOP.key.sign("Ruling", true.value or b""))
        ),
        "no signature beside the certificate": true._replace(
            headers=with_header(headers, "sc_sig", None)
        ),
        "no number": true._replace(headers=with_header(headers, "sc_seq", None)),
        "another number": true._replace(headers=with_header(headers, "sc_seq", b"2")),
        "a number that is none": true._replace(headers=with_header(headers, "sc_seq", b"-1")),
        "certificate of a stranger": signed(false_certificate, 1),
        "certificate with changed content": true._replace(
            headers=with_header(headers, "sc_cert", cut)
        ),
        "certificate that is none": true._replace(
            headers=with_header(headers, "sc_cert", b"x" * 100)
        ),
        "certificate without end": true._replace(
            headers=with_header(headers, "sc_cert", b"x" * 5000)
        ),
        "signed as another number than it says": true._replace(
            headers=sign_record(SHOP, topic, b"shop-1", 7, true.value)
        ),
    }


@pytest.mark.parametrize("how", forgeries())
def test_a_forged_insight_is_refused(how: str) -> None:
    folding = Folding().fold(forgeries()[how])
    assert folding.reasons == [Reason.FORGED]
    assert len(folding.memory) == 0


def test_a_forgery_does_not_move_the_record_of_the_client_it_is_in_the_name_of() -> None:
    folding = Folding().fold(signed(SHOP, 1))
    before = dict(folding.kept)
    folding.fold(at(forgeries()["value changed"], 1), record(b"{", 2), record(None, 3))
    assert folding.kept == before
    assert folding.reasons == [Reason.FORGED, Reason.MALFORMED, Reason.EMPTY]


def test_the_latest_insight_once_more_is_a_duplicate_and_not_parked() -> None:
    folding = Folding().fold(signed(SHOP, 1), at(signed(SHOP, 1), 1))
    client = folding.memory.client("shop-1")
    assert client is not None
    assert (client.accepted, client.duplicates, folding.parked) == (1, 1, [])


@pytest.mark.parametrize("restarted", [False, True])
def test_a_replayed_insight_is_refused(restarted: bool) -> None:
    folding = Folding().fold(signed(SHOP, 1), signed(SHOP, 2, 1))
    folding = folding.restart() if restarted else folding
    folding.fold(at(signed(SHOP, 1), 2))
    assert folding.reasons == [Reason.REPLAYED]
    assert "number 1" in folding.why
    assert folding.accepted() == 2


def test_another_insight_under_a_used_number_is_a_replay_too() -> None:
    folding = Folding().fold(signed(SHOP, 1), signed(SHOP, 1, 1, loss=0.25))
    assert folding.reasons == [Reason.REPLAYED]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_replay_is_refused_after_its_client_was_evicted(restarted: bool) -> None:
    folding = Folding(max_insights=1)
    folding.fold(signed(SHOP, 1), signed(SHOP, 2, 1), signed(identity("shop-2"), 1, 2))
    assert folding.memory.client("shop-1") is None
    assert (found := folding.credential()) is not None
    assert (found.serial, found.sequence, found.revoked) == (1, 2, 0)
    folding = folding.restart() if restarted else folding
    folding.fold(at(signed(SHOP, 1), 3), at(signed(SHOP, 2), 4))
    assert folding.reasons == [Reason.REPLAYED, Reason.REPLAYED]
    folding.fold(signed(SHOP, 3, 5))
    assert folding.accepted() == 1
    assert folding.credential() is None  # its own record says all again


def test_an_insight_moved_to_another_domain_is_refused() -> None:
    true = signed(SHOP, 1)
    moved = true._replace(position=Position(insights_topic("health"), 0, 0))
    folding = Folding().fold(moved)
    assert folding.reasons == [Reason.WRONG_DOMAIN]
    renamed = (true.value or b"").replace(b'"retail"', b'"health"')
    folding.fold(at(moved, 1, value=renamed))
    assert folding.reasons[1:] == [Reason.WRONG_DOMAIN]
    assert "the certificate is for domain 'retail'" in folding.why


def test_an_insight_moved_to_another_clients_key_is_refused() -> None:
    true = signed(SHOP, 1)
    renamed = (true.value or b"").replace(b"shop-1", b"shop-9")
    folding = Folding().fold(true._replace(key=b"shop-9", value=renamed))
    assert folding.reasons == [Reason.FORGED]
    assert "of client 'shop-1'" in folding.why


def test_a_certificate_expires_by_the_time_of_the_record() -> None:
    short = identity(expires_at_ms=NOW_MS)
    folding = Folding().fold(signed(short, 1), signed(short, 2, 1, at_ms=NOW_MS + 1))
    assert (folding.accepted(), folding.reasons) == (1, [Reason.EXPIRED])
    assert "2023-11-14 22:13 UTC" in folding.why


def test_an_insight_that_declares_more_epsilon_than_granted_is_refused() -> None:
    frugal = identity(epsilon_limit=2.0)
    folding = Folding().fold(
        signed(frugal, 1, epsilon=2.0), signed(frugal, 2, 1, epsilon=2.1), signed(frugal, 3, 2)
    )
    assert (folding.accepted(), folding.reasons) == (2, [Reason.EPSILON])
    assert "declares epsilon 2.1; the certificate grants 2" in folding.why


def test_a_key_outside_the_partition_of_its_hash_is_refused() -> None:
    right = partition_of(b"shop-1", 3)
    wrong = (right + 1) % 3
    folding = Folding(partitions=3).fold(
        signed(SHOP, 1, partition=right), signed(SHOP, 2, partition=wrong)
    )
    assert (folding.accepted(), folding.reasons) == (1, [Reason.WRONG_PARTITION])
    assert f"belongs to partition {right}" in folding.why


def test_two_operators_may_certify_while_one_replaces_the_other() -> None:
    from scarcity.memory.admission import AdmissionLimits
    from scarcity.memory.authority import Authority

    both = AdmissionLimits(authority=Authority([STRANGER.public, OPERATOR.public], 1 << 16))
    memory = GlobalMemory(limits=both)
    result = memory.fold([signed(SHOP, 1), signed(identity(operator=STRANGER, serial=2), 2, 1)])
    assert not result.dead_letters


def log_of_everything(seed: int, clients: int = 6, length: int = 120) -> list[Record]:
    """A log with true insights, forgeries, replays, renewals, revocations and duplicates."""
    draw, serials, sequences = random.Random(seed), dict[str, int](), dict[str, int]()
    log: list[Record] = []
    for offset in range(length):
        client = f"shop-{draw.randrange(clients)}"
        who = identity(client, serial=serials.setdefault(client, 1))
        kind = draw.random()
        if kind < 0.08:
            log.append(revocation(client, draw.randint(1, serials[client]), offset))
        elif kind < 0.2:
            serials[client] += 1
        if kind < 0.6 or not log:
            sequences[client] = sequences.get(client, 0) + 1
            log.append(signed(who, sequences[client], offset, at_ms=NOW_MS + offset))
        elif kind < 0.7:
            log.append(record(insight(client, sequence=draw.randrange(40)), offset))
        elif kind < 0.95:
            log.append(at(draw.choice(log), offset))
        else:
            late = identity(client, serial=serials[client], expires_at_ms=NOW_MS - DAY_MS)
            log.append(signed(late, sequences.get(client, 0) + 1, offset))
    return [at(told, offset) for offset, told in enumerate(log)]


@pytest.mark.parametrize("seed", range(4))
def test_the_fold_depends_on_the_log_alone(seed: int) -> None:
    """However it is cut, restarted, or judged beforehand: same records, same dead letters."""
    log = log_of_everything(seed)
    whole = Folding(max_insights=3).fold(*log)
    draw = random.Random(seed)
    cut, judged = Folding(max_insights=3), Folding(max_insights=3)
    begin = 0
    while begin < len(log):
        end = begin + draw.randint(1, 12)
        cut.fold(*log[begin:end])
        if draw.random() < 0.3:
            cut.restart()
        begin = end
    result = judged.memory.fold(log, judged.memory.judge(log))
    assert [out.value for out in cut.parked] == [out.value for out in whole.parked]
    assert cut.reasons == whole.reasons
    assert [out.headers for out in result.dead_letters] == [out.headers for out in whole.parked]
    values = {where: out.value for where, out in whole.kept.items() if out.value is not None}
    assert {w: out.value for w, out in cut.kept.items() if out.value is not None} == values
    assert {Reason.REVOKED, Reason.REPLAYED, Reason.UNSIGNED} <= set(whole.reasons)
