import orjson
import pytest
from tests.dashboard.feeding import EVIL, board_of, chained, page, weights
from tests.monitor import records

from scarcity.dashboard.pages.all import MAX_ARGUMENT, PAGES, question_of
from scarcity.dashboard.pages.common import State, clip, smoothed, spread


def test_the_overview_tells_each_domain_and_the_whole() -> None:
    lag = {("scarcity-memory-fold", "insights.retail"): 3}
    told = page(board_of(records.a_session()), "overview", State(lag=lag))
    retail = told["domains"]["retail"]
    assert (retail["round"], retail["gains"], retail["local"]) == (30, True, 0.5)
    assert told["domains"]["energy"]["gains"] is False
    assert retail["p50_ms"] == 40
    assert (told["totals"]["lag"], told["totals"]["rounds"]) == (3, 60)
    assert told["letters"] == {"malformed": 2, "wrong-domain": 1}


def test_the_page_of_a_domain_tells_all_that_was_promised() -> None:
    told = page(board_of(records.a_session()), "domain", domain="retail")
    assert told["loss"]["x"][-1] == told["evaluations"]["x"][-1] == 30
    assert len(told["experts"]["experts"]) == 10
    assert told["experts"]["judged"] is True
    assert told["phases"]["processing"] == 0.01
    assert told["evaluations"]["gain"] == pytest.approx(0.21 / 0.5 - 1)


def test_every_step_that_was_taken_back_is_marked_on_a_curve_that_is_thinned() -> None:
    entries = [records.ledger("retail", n, reverted=n in (301, 777)) for n in range(1000)]
    told = page(board_of(entries), "domain", domain="retail")["loss"]
    assert told["reverted"] == [301, 777]
    assert len(told["x"]) == len(told["smooth"]) == len(told["mean"]) <= 241


def test_privacy_spent_is_epsilon_or_a_share_of_a_budget() -> None:
    board = board_of([*records.a_private_session(), records.profile("ward", "budget")])
    assert page(board, "domain", domain="ward")["privacy"]["epsilon"] == 0.75
    clinic = page(board, "domain", domain="clinic")["privacy"]
    assert (clinic["losses_only"], clinic["silent"]) == (1, 1)
    spent = page(
        board_of([records.profile("ward", "budget"), records.registered("a", "ward")]),
        "domain",
        domain="ward",
    )["privacy"]["spent"]
    assert spent == [1, *[0] * 9]


def test_gossip_draws_groups_and_who_leaves_whom_out() -> None:
    session = [*records.a_session(), weights("retail-1", "retail", 5, evicted=["retail-2", "x"])]
    told = page(board_of(session), "gossip", domain="retail")
    assert told["groups"] == {
        "0": {"members": ["retail-1", "retail-2"], "pairs": [[0, 1]], "evicted": [[0, 1]]}
    }
    assert (told["waiting"], told["left_out"]) == (["retail-3"], 2)


def test_gossip_without_a_domain_shows_one_that_gossips() -> None:
    board = board_of([records.profile("aaa"), *records.a_session()])
    assert page(board, "gossip")["name"] == "energy"


def test_memory_is_shown_against_its_bound() -> None:
    told = page(board_of(records.a_session(), memory_limit=500), "memory")
    assert (told["limit"], told["held"]) == (500, 2)
    assert told["domains"]["retail"]["accepted"] == 30
    assert told["timeline"][-1][1] == 2


def test_the_table_of_clients_is_cut_into_pages() -> None:
    board = board_of(records.memory(f"shop-{n:03}", "retail") for n in range(120))
    told = page(board, "clients", sort="name", page="3")
    assert (told["matches"], told["pages"], len(told["order"])) == (120, 3, 20)
    assert told["order"][0] == "retail/shop-100"
    assert page(board, "clients", search="SHOP-01")["matches"] == 10
    assert page(board, "clients", sort="nonsense", page="x")["sort"] == "seen"


def test_a_marked_client_is_told_as_such() -> None:
    session = [*records.a_session_with_marks(), records.memory("b", "retail")]
    board = board_of(session)
    assert page(board, "clients")["rows"]["retail/b"]["marked"] == "check"
    told = page(board, "client", domain="retail", client="b")
    assert (told["known"], told["marked"]) == (True, "check")


def test_a_clients_page_holds_the_answers_about_it_alone() -> None:
    jobs = [{"domain": "retail", "client": name} for name in ("a", "b")]
    board = board_of([records.memory("a", "retail")])
    told = page(board, "client", State(jobs=jobs), domain="retail", client="a")
    assert told["jobs"] == jobs[:1]
    assert page(board, "client", domain="retail", client="nobody")["known"] is False


def test_the_audit_shows_the_ledgers_end_the_newest_first() -> None:
    session = chained(records.ledger("retail", version) for version in range(40))
    told = page(board_of(session), "audit")
    assert told["order"][:2] == ["39", "38"]
    assert told["entries"]["39"]["parent"] == told["entries"]["38"]["hash"]
    assert page(board_of(session), "audit", before="10")["order"][0] == "9"


def test_dead_letters_are_the_newest_first_and_filtered_by_reason() -> None:
    board = board_of(records.a_session())
    told = page(board, "dead-letters", reason="malformed")
    assert (told["total"], told["kept"]) == (3, 2)
    assert {one["reason"] for one in told["letters"].values()} == {"malformed"}


def test_names_of_strangers_are_data_and_long_ones_are_cut_on_screen() -> None:
    session = [
        records.memory(EVIL, "retail"),
        records.insight(EVIL, "retail"),
        records.memory("__proto__", "retail"),
        records.memory("y" * 400, "retail"),
    ]
    told = orjson.loads(orjson.dumps(page(board_of(session), "clients")))
    assert told["rows"][f"retail/{EVIL}"]["id"] == EVIL
    assert len(told["rows"][f"retail/{'y' * 400}"]["shown"]) == 60
    assert "retail/__proto__" in told["rows"]


def test_a_large_board_makes_a_small_document() -> None:
    session = [records.memory(f"c{n}", f"d-{n % 50}") for n in range(5_000)]
    session += [records.ledger(f"d-{n % 50}", n // 50) for n in range(5_000)]
    board = board_of(session)
    for name in PAGES:
        assert len(orjson.dumps(page(board, name, domain="d-1", client="c1"))) < 120_000


def test_only_known_pages_and_arguments_are_asked_for() -> None:
    assert question_of({"page_name": "nothing"}) is None
    assert question_of({"page_name": "client", "client": "x" * (MAX_ARGUMENT + 1)}) is None
    question = question_of({"page_name": "domain", "domain": "retail", "other": "x"})
    assert question is not None
    assert question.arguments == (("domain", "retail"),)


def test_a_series_keeps_its_places_while_it_grows() -> None:
    grown = [spread(list(range(many)), 10) for many in range(1, 60)]
    assert all(len(points) <= 11 for points in grown)
    assert all(points[0] == 0 and points[-1] == at for at, points in enumerate(grown))


def test_smoothing_leaves_gaps_and_texts_are_cut() -> None:
    assert smoothed([None, 1.0, None]) == [None, 1.0, None]
    assert clip("short") == "short"
