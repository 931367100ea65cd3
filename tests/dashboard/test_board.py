import msgspec
import orjson
import pytest
from tests.dashboard.feeding import (
    NOW_MS,
    board_of,
    chained,
    page,
    parameters,
    tried,
    weights,
)
from tests.monitor import records

from scarcity.dashboard.board import Board, staleness
from scarcity.dashboard.domain_detail import DomainDetail
from scarcity.dashboard.lines import PolicyDetail, ProfileDetail
from scarcity.dashboard.pages.all import PAGES
from scarcity.events.client_memory import ClientMemory
from scarcity.events.codec import decode_json, encode_json
from scarcity.events.types import Record


def test_a_restart_gives_the_same_pages() -> None:
    session = chained(records.a_session())
    boards = board_of(session), board_of(session)
    for name in PAGES:
        one, other = (page(board, name, domain="retail", client="retail-1") for board in boards)
        assert orjson.dumps(one) == orjson.dumps(other)


def test_what_does_not_decode_is_counted_and_left_out() -> None:
    bad = [records.record(topic, "k", b"{") for topic in ("ledger", "insights.retail", "clients")]
    board = board_of([*bad, *records.a_session()])
    assert board.unreadable == 3
    assert set(board.names()) == {"retail", "energy"}


def test_clients_are_told_by_their_registration_memory_and_insights() -> None:
    board = board_of(records.a_session())
    client = board.clients.find("retail", "retail-1")
    assert client is not None
    assert (client.registered, client.held, client.accepted, client.rows) == (True, True, 30, 9)
    assert len(board.clients.history("retail", "retail-1")) == 30


def test_an_insight_under_another_key_makes_no_history() -> None:
    stolen = records.insight("victim", "retail")._replace(key=b"thief")
    board = board_of([stolen])
    assert board.clients.history("retail", "victim") == []
    assert board.domains["retail"].insights == 1


def test_the_memory_lets_a_client_go_and_takes_it_in_again() -> None:
    board = board_of(
        [
            records.memory("a", "retail"),
            records.forgotten("a", "retail"),
            records.forgotten("a", "retail"),
            records.forgotten("nobody", "nowhere"),
            records.memory("a", "retail", accepted=2),
        ]
    )
    assert board.detail("retail").memory.buckets() == [(0, [2, 1])]
    assert list(board.domains) == ["retail"]


def test_a_domain_that_is_withdrawn_goes_with_all_it_has() -> None:
    board = board_of([*records.a_session(), records.record("domains", "retail", None)])
    assert board.names() == ["energy"]
    assert board.clients.find("retail", "retail-1") is None
    assert page(board, "domain", domain="retail")["known"] is False


def test_experts_come_from_the_meta_parameters() -> None:
    board = board_of(
        [records.profile("retail"), parameters("retail", 1, rate=0.0, losses=0.25, at_ms=NOW_MS)]
    )
    told = page(board, "domain", domain="retail")
    assert told["experts"]["experts"][3]["rate"] == [1.0]
    assert told["experts"]["experts"][3]["weight"] == [0.1]
    assert told["transfer"]["learned"] == pytest.approx(-0.5)


def test_starts_are_told_by_the_median_of_those_who_tried_them() -> None:
    session = [tried(name, "retail", default=1.0, family=loss) for name, loss in
               (("a", 0.5), ("b", 0.7), ("c", 9.0))]  # fmt: skip
    assert board_of(session).detail("retail").starts() == {
        "default": (1.0, 3),
        "family": (0.7, 3),
    }


def test_gossip_over_time_counts_what_grew() -> None:
    board = board_of(
        [
            weights("a", "retail", 1_000, evicted=["b"], exchanges=3, evictions=1),
            weights("a", "retail", 9_000, evicted=[], exchanges=5, evictions=1, readmissions=1),
            # This one counted long before its first record that is kept.
            weights("b", "retail", 9_500, evicted=[], exchanges=500, evictions=40),
        ]
    )
    assert board.detail("retail").gossip.buckets() == [(0, [3, 1, 0]), (5_000, [2, 0, 1])]
    assert page(board, "gossip", domain="retail")["exchanges"] == 505


def test_staleness_counts_versions_behind() -> None:
    def at(client: str, version: int) -> Record:
        plain = records.memory(client, "retail")
        event = decode_json(plain.value, ClientMemory)
        event.latest = msgspec.structs.replace(event.latest, meta_version=version)
        return plain._replace(value=encode_json(event))

    board = board_of([records.ledger("retail", 20), at("a", 20), at("b", 18), at("c", 1)])
    assert staleness(board, "retail") == [1, 0, 1, 0, 0, 0, 0, 0, 1]


def test_the_chain_is_whole_or_says_where_it_breaks() -> None:
    entries = chained([records.ledger("retail", version) for version in range(5)])
    board = board_of(entries)
    assert (board.chain.length, board.chain.broken) == (5, 0)
    without = board_of([*entries[:2], *entries[3:]])
    assert (without.chain.broken, list(without.chain.breaks)) == (1, ["retail@3"])
    assert [e.entry.version for e in board.chain.newest("retail", before=4, many=2)] == [3, 2]
    assert board.chain.newest("energy") == []


@pytest.mark.parametrize(
    ("happened", "active", "phase"),
    [
        ({}, 9, "waiting"),
        ({"parameters_ms": NOW_MS - 100}, 9, "broadcast"),
        ({"parameters_ms": NOW_MS - 5_000}, 9, "training"),
        ({"parameters_ms": NOW_MS - 5_000, "insight_ms": NOW_MS, "pending": 2}, 9, "collection"),
        ({"parameters_ms": NOW_MS - 5_000, "insight_ms": NOW_MS, "pending": 5}, 9, "processing"),
        ({"parameters_ms": NOW_MS - 5_000, "gossip_ms": NOW_MS - 10}, 9, "gossip"),
        ({"parameters_ms": NOW_MS - 5_000}, 1, "waiting"),
        ({"parameters_ms": NOW_MS - 500_000}, 0, "idle"),
    ],
)
def test_the_phase_follows_from_what_happened_last(
    happened: dict[str, int], active: int, phase: str
) -> None:
    detail = DomainDetail()
    detail.profile = ProfileDetail("retail", policy=PolicyDetail(min_clients=2, quorum=0.5))
    for name, value in happened.items():
        setattr(detail, name, value)
    assert detail.phase(active, NOW_MS) == phase


def test_an_async_round_waits_for_its_buffer() -> None:
    detail = DomainDetail()
    detail.profile = ProfileDetail("retail", policy=PolicyDetail(mode="async", buffer=4))
    detail.parameters_ms, detail.pending = NOW_MS - 5_000, 3
    assert detail.phase(9, NOW_MS) == "collection"
    detail.pending = 4
    assert detail.phase(9, NOW_MS) == "processing"


def test_an_empty_board_has_every_page() -> None:
    for name in PAGES:
        assert orjson.dumps(page(Board(), name))


def test_numbers_and_names_that_no_page_could_hold_are_left_out() -> None:
    def told(topic: str, key: str, text: str) -> Record:
        return records.record(topic, key, text.encode())

    large = "9" * 60
    board = board_of(
        [
            *records.a_session(),
            told("clients", "a", f'{{"client_id":"a","domain":"retail","rows":{large}}}'),
            told("clients", "b", '{"client_id":"b","domain":"<b>","rows":1}'),
            told("clients", "c", f'{{"client_id":"c","domain":"{"x" * 999}","rows":1}}'),
            told(
                "insights.retail",
                "retail-1",
                f'{{"client_id":"retail-1","avg_loss":1,"meta_version":{large}}}',
            ),
            weights("d", "retail", 2**62, evicted=["x" * 99_999], exchanges=2**62),
            weights("d", "retail", 2**62, evicted=["x" * 99_999, "retail-1"], exchanges=1),
        ]
    )
    assert board.names() == ["energy", "retail"]
    found = board.clients.find("retail", "d")
    assert found is not None
    assert found.evicted == ("retail-1",)
    for name in PAGES:
        assert orjson.dumps(page(board, name, domain="retail", client="retail-1"))
