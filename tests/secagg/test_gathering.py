"""Whole rounds: sums are exact whoever goes, and a round that loses too many ends without one."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secagg.playing import (
    DOMAIN,
    ROUND,
    VERSION,
    drawing,
    names,
    plain_sum,
    play,
    random_terms,
)

from scarcity.events.errors import EventError
from scarcity.events.secure_sum import SumRules
from scarcity.events.tensor import TensorPayload
from scarcity.secagg.gathering import Gathering
from scarcity.secagg.masks import Place
from scarcity.secagg.member import Member
from scarcity.secagg.opening import OpeningError, open_sum

THIRTY_PERCENT = {"c1", "c4", "c8"}


def test_the_sum_is_exact_when_nobody_goes() -> None:
    terms = random_terms(names(10), 50)
    game = play(terms)
    assert game.gathering.total().tolist() == plain_sum(terms, names(10))
    told = game.gathering.told()
    assert (told.round, told.threshold, told.absent) == (ROUND, 7, ())
    assert list(told.members) == sorted(names(10))


@pytest.mark.parametrize("point", ["before_shares", "before_terms", "after_terms"])
def test_the_sum_is_exact_when_30_percent_go(point: str) -> None:
    terms = random_terms(names(10), 50)
    game = play(terms, **{point: THIRTY_PERCENT})  # type: ignore[arg-type]
    summed = set(terms) - (THIRTY_PERCENT if point != "after_terms" else set())
    assert set(game.gathering.survivors) == summed
    assert game.gathering.total().tolist() == plain_sum(terms, summed)


def test_the_sum_is_exact_when_some_go_at_every_stage() -> None:
    terms = random_terms(names(30), 20)
    shares, masks, reveals = {"c1", "c2", "c3"}, {"c11", "c12", "c13"}, {"c21", "c22", "c23"}
    game = play(terms, before_shares=shares, before_terms=masks, after_terms=reveals)
    summed = set(terms) - shares - masks
    assert game.gathering.told().absent == ("c1", "c2", "c3")
    assert game.gathering.total().tolist() == plain_sum(terms, summed)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_whoever_goes_the_sum_is_of_those_who_stayed(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 12))
    terms = random_terms(names(count), data.draw(st.integers(1, 5)), data.draw(st.integers(0, 99)))
    spare = count - SumRules().threshold_of(count)
    order = data.draw(st.permutations(names(count)))
    cuts = sorted(data.draw(st.lists(st.integers(0, spare), min_size=3, max_size=3)))
    groups = order[: cuts[0]], order[cuts[0] : cuts[1]], order[cuts[1] : cuts[2]]
    game = play(terms, before_shares=groups[0], before_terms=groups[1], after_terms=groups[2])
    summed = [c for c in names(count) if c not in {*groups[0], *groups[1]}]
    assert game.gathering.total().tolist() == plain_sum(terms, summed)


@pytest.mark.parametrize("point", ["before_shares", "before_terms"])
def test_one_below_the_threshold_the_round_stops(point: str) -> None:
    game = play(random_terms(names(10), 5), **{point: {"c0", *THIRTY_PERCENT}})  # type: ignore[arg-type]
    assert not game.gathering.enough()
    assert game.gathering.closed("6 of 7").stage == "closed"
    assert game.revealed == {}


def test_one_reveal_below_the_threshold_opens_nothing() -> None:
    game = play(random_terms(names(10), 5), after_terms={"c0", *THIRTY_PERCENT})
    assert not game.gathering.enough()
    with pytest.raises(OpeningError, match="6 shares; 7 open a secret"):
        game.gathering.total()


def test_the_messages_alone_open_the_sum_again_as_an_audit_does() -> None:
    terms = random_terms(names(7), 9)
    game = play(terms, before_shares={"c2"}, before_terms={"c5"})
    told = game.gathering.told()
    again = open_sum(DOMAIN, told, game.masked, game.revealed)
    assert again.tolist() == game.gathering.total().tolist()


def test_a_false_share_of_a_key_is_told() -> None:
    game = play(random_terms(names(6), 4), before_terms={"c3"})
    for told in game.revealed.values():
        told.key_shares["c3"] = told.seed_shares["c0"]
    with pytest.raises(OpeningError, match="c3"):
        game.gathering.total()


def gathering(dimension: int = 4) -> Gathering:
    return Gathering(DOMAIN, ROUND, VERSION, SumRules(most_members=3), dimension)


def member(client: str, seed: int = 0, round_number: int = ROUND) -> Member:
    return Member(client, Place(DOMAIN, round_number), SumRules(), drawing(seed, client))


def test_later_keys_of_a_client_that_was_started_anew_count_until_members_are_named() -> None:
    server = gathering()
    for client in "abc":
        server.take(member(client).keys())
    anew = member("a", seed=1).keys()
    assert server.take(anew)
    notice = server.go_on()
    assert notice.mask_keys[0] == anew.mask_key
    assert not server.take(member("a", seed=2).keys())


def test_a_round_takes_no_more_members_than_the_rules_allow() -> None:
    server = gathering()
    for client in "abcdef":
        server.take(member(client).keys())
    notice = server.go_on()
    assert len(notice.clients) == 3
    assert notice.threshold == 3


def test_a_weak_key_or_a_stolen_one_is_refused() -> None:
    server = gathering()
    keys = member("a").keys()
    server.take(keys)
    with pytest.raises(EventError, match="keeps a secret"):
        server.take(msgspec.structs.replace(member("b").keys(), share_key=bytes(32)))
    with pytest.raises(EventError, match="used twice"):
        server.take(msgspec.structs.replace(member("b").keys(), mask_key=keys.share_key))


def test_a_key_that_its_owner_gave_up_and_a_client_that_left_hold_nothing_back() -> None:
    server = gathering()
    first = member("a").keys()
    server.take(first)
    server.take(member("a", seed=1).keys())
    assert server.take(msgspec.structs.replace(first, client_id="b"))
    server.leave(["b", "unknown"])
    assert server.heard == {"a"}
    assert server.take(msgspec.structs.replace(first, client_id="c"))


def test_messages_of_another_round_or_stage_change_nothing() -> None:
    server = gathering()
    assert not server.take(member("a", round_number=ROUND - 1).keys())
    for client in "abc":
        server.take(member(client).keys())
    heard = {c: member(c).keys() for c in "abc"}
    notice = server.go_on()
    shares = member("a").share(notice, heard)
    assert server.take(shares)
    assert not server.take(shares)


def test_shares_for_others_than_the_members_are_refused() -> None:
    server = gathering()
    for client in "abc":
        server.take(member(client).keys())
    shares = member("a").share(server.go_on(), {})
    shares.sealed.pop("b")
    with pytest.raises(EventError, match="shares for 1 clients"):
        server.take(shares)


def test_a_term_of_another_length_or_under_another_key_is_refused() -> None:
    game = play(random_terms(names(4), 4), before_terms=names(4))
    told = member("c0", seed=0).keys()
    server = game.gathering
    short = TensorPayload((1,), "int64", bytes(8))
    long = TensorPayload((4,), "int64", bytes(32))
    masked = game.members["c0"].mask(
        game.notices[-1], random_terms(["c0"], 4)["c0"], game.sealed_for("c0")
    )
    assert masked.mask_key == told.mask_key
    with pytest.raises(EventError, match="a term of 1 numbers"):
        server.take(msgspec.structs.replace(masked, masked=short))
    with pytest.raises(EventError, match="another key"):
        server.take(msgspec.structs.replace(masked, masked=long, mask_key=bytes(32)))
