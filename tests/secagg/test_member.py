"""What a member refuses: it never gives both shares of anybody, whatever is announced."""

import msgspec
import pytest
from tests.secagg.playing import (
    PLACE,
    Played,
    drawing,
    names,
    plain_sum,
    play,
    random_terms,
)

from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SumRules
from scarcity.secagg.member import Member, RefusedError


def masked_round(count: int = 6, **gone: set[str]) -> Played:
    """A round whose members have masked, and have not been asked to reveal."""
    return play(random_terms(names(count), 3), after_terms=set(names(count)), **gone)  # type: ignore[arg-type]


def asking(game: Played, survivors: set[str]) -> SecureRound:
    return msgspec.structs.replace(game.notices[-1], clients=sorted(survivors))


def test_of_each_member_one_of_the_two_shares_is_given_never_both() -> None:
    game = play(random_terms(names(7), 3), before_terms={"c1", "c2"})
    for told in game.revealed.values():
        assert told.key_shares.keys() == {"c1", "c2"}
        assert told.seed_shares.keys() == set(names(7)) - {"c1", "c2"}


def test_a_second_request_with_other_survivors_is_refused() -> None:
    game = masked_round()
    everyone = set(names(6))
    member = game.members["c0"]
    first = member.reveal(asking(game, everyone))
    assert first.key_shares == {}
    for survivors in (everyone - {"c1"}, everyone):
        with pytest.raises(RefusedError, match="no step"):
            member.reveal(asking(game, survivors))


def test_after_a_refused_request_no_other_is_answered() -> None:
    game = masked_round()
    member = game.members["c0"]
    with pytest.raises(RefusedError, match="would sum 4 terms; 5 are the least"):
        member.reveal(asking(game, set(names(4))))
    with pytest.raises(RefusedError, match="no step"):
        member.reveal(asking(game, set(names(6))))


def test_survivors_that_never_shared_are_refused() -> None:
    game = masked_round(before_shares={"c5"})
    with pytest.raises(RefusedError, match="lets c5 in"):
        game.members["c0"].reveal(asking(game, set(names(6))))


def test_a_member_that_is_left_out_of_the_sum_opens_nothing() -> None:
    game = masked_round()
    with pytest.raises(RefusedError, match="goes on without c0"):
        game.members["c0"].reveal(asking(game, set(names(6)) - {"c0"}))


def test_nothing_is_masked_for_fewer_than_the_threshold() -> None:
    game = play(random_terms(names(6), 3), before_terms=set(names(6)))
    few = msgspec.structs.replace(game.notices[-1], clients=["c0", "c1", "c2"])
    with pytest.raises(RefusedError, match="would sum 3 terms"):
        game.members["c0"].mask(few, random_terms(["c0"], 3)["c0"], game.sealed_for("c0"))


def test_nothing_is_masked_while_a_share_is_missing() -> None:
    game = play(random_terms(names(6), 3), before_terms=set(names(6)))
    sealed = game.sealed_for("c0")
    del sealed["c3"]
    with pytest.raises(RefusedError, match="c3 has shared, and nothing is here"):
        game.members["c0"].mask(game.notices[-1], random_terms(["c0"], 3)["c0"], sealed)


def fresh(count: int = 4) -> tuple[dict[str, Member], SecureRound]:
    """Members before sharing, and the announcement of their keys."""
    members = {c: Member(c, PLACE, SumRules(), drawing(c)) for c in names(count)}
    keys = [members[c].keys() for c in names(count)]
    notice = SecureRound(
        PLACE.domain,
        PLACE.round,
        3,
        "share",
        names(count),
        [k.mask_key for k in keys],
        [k.share_key for k in keys],
        SumRules().threshold_of(count),
    )
    return members, notice


def test_a_threshold_below_the_rules_is_refused() -> None:
    members, notice = fresh()
    with pytest.raises(RefusedError, match="of 4 members announces 2 shares"):
        members["c0"].share(msgspec.structs.replace(notice, threshold=2), {})


def test_a_round_of_two_is_refused() -> None:
    members, notice = fresh(2)
    with pytest.raises(RefusedError, match="has 2 members; 3 are the least"):
        members["c0"].share(notice, {})


def test_keys_that_their_owner_did_not_publish_are_refused() -> None:
    members, notice = fresh()
    stranger = Member("c1", PLACE, SumRules(), drawing("stranger")).keys()
    false = msgspec.structs.replace(
        notice, mask_keys=[notice.mask_keys[0], stranger.mask_key, *notice.mask_keys[2:]]
    )
    heard = {"c1": members["c1"].keys()}
    with pytest.raises(RefusedError, match="other keys of c1 than it published"):
        members["c0"].share(false, heard)
    with pytest.raises(RefusedError, match="other keys of c1 than it published"):
        members["c1"].share(false, {})  # its own keys each member knows in any case


def test_one_key_of_two_members_is_refused() -> None:
    members, notice = fresh()
    twice = msgspec.structs.replace(
        notice, share_keys=[*notice.share_keys[:3], notice.share_keys[1]]
    )
    with pytest.raises(RefusedError, match="a key twice"):
        members["c0"].share(twice, {})


def test_a_weak_key_is_refused() -> None:
    members, notice = fresh()
    weak = msgspec.structs.replace(notice, share_keys=[*notice.share_keys[:3], bytes(32)])
    with pytest.raises(RefusedError, match="weak key of c3"):
        members["c0"].share(weak, {})


def test_another_round_is_refused() -> None:
    members, notice = fresh()
    with pytest.raises(RefusedError, match="is another one"):
        members["c0"].share(msgspec.structs.replace(notice, round=8), {})


def test_a_step_out_of_order_is_refused() -> None:
    members, notice = fresh()
    early = SecureRound(PLACE.domain, PLACE.round, 3, "reveal", names(4), threshold=3)
    with pytest.raises(RefusedError, match="no step 'reveal' now"):
        members["c0"].reveal(early)
    members["c0"].share(notice, {})
    with pytest.raises(RefusedError, match="no step 'share' now"):
        members["c0"].share(notice, {})


def test_a_share_that_was_changed_on_its_way_is_left_out_and_the_sum_still_opens() -> None:
    terms = random_terms(names(6), 3)
    game = play(terms, before_terms=set(names(6)))
    sealed = game.sealed_for("c0")
    sealed["c2"] = sealed["c2"][:-1] + bytes([sealed["c2"][-1] ^ 1])
    for client in names(6):
        bundle = sealed if client == "c0" else game.sealed_for(client)
        masked = game.members[client].mask(game.notices[-1], terms[client], bundle)
        game.gathering.take(masked)
    notice = game.gathering.go_on()
    for client in names(6):
        told = game.members[client].reveal(notice)
        assert ("c2" in told.seed_shares) == (client != "c0")
        game.gathering.take(told)
    assert game.gathering.total().tolist() == plain_sum(terms, names(6))
