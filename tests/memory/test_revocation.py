"""Certificates that are taken back, or replaced by newer ones."""

import pytest
from tests.memory.folding import Folding
from tests.memory.signing import STRANGER, identity, revocation, signed

from scarcity.events.errors import Reason
from scarcity.events.topics import GLOBAL_MEMORY, insights_topic
from scarcity.events.types import Position

SHOP = identity()


@pytest.mark.parametrize("restarted", [False, True])
def test_a_revocation_takes_effect_at_its_offset(restarted: bool) -> None:
    folding = Folding().fold(signed(SHOP, 1), revocation(offset=1))
    assert folding.kept[GLOBAL_MEMORY, b"retail/shop-1"].value is None
    folding = folding.restart() if restarted else folding
    folding.fold(signed(SHOP, 2, 2))
    assert folding.reasons == [Reason.REVOKED]
    assert folding.why.endswith("was revoked at insights.retail[0]@1: laptop stolen")
    assert len(folding.memory) == 0


def test_a_revoked_client_goes_on_under_a_new_certificate_with_its_sequence() -> None:
    folding = Folding().fold(signed(SHOP, 5), revocation(offset=1)).restart()
    newer = identity(serial=2)
    folding.fold(signed(newer, 5, 2), signed(newer, 6, 3))
    assert (folding.accepted(), folding.reasons) == (1, [Reason.REPLAYED])
    folding.fold(signed(SHOP, 7, 4))
    assert folding.reasons[1:] == [Reason.SUPERSEDED]


def test_a_client_can_be_revoked_before_its_first_insight_and_while_it_is_evicted() -> None:
    folding = Folding(max_insights=1).fold(revocation("shop-3"), signed(identity("shop-3"), 1, 1))
    assert folding.reasons == [Reason.REVOKED]
    folding.fold(signed(SHOP, 1, 2), signed(identity("shop-2"), 1, 3), revocation(offset=4))
    assert (found := folding.credential()) is not None
    assert (found.serial, found.sequence, found.revoked) == (1, 1, 1)
    folding.restart().fold(signed(SHOP, 2, 5))
    assert folding.reasons[1:] == [Reason.REVOKED]


def test_a_revocation_of_an_older_certificate_stops_nobody() -> None:
    newer = identity(serial=2)
    folding = Folding().fold(signed(newer, 1), revocation(serial=1, offset=1), signed(newer, 2, 2))
    assert (folding.accepted(), folding.parked) == (2, [])


def test_only_an_operator_revokes_and_only_in_place() -> None:
    folding = Folding().fold(
        revocation(key=STRANGER),
        revocation(offset=1, key=SHOP.key),
        revocation(offset=2, value=b'{"client_id":"shop-1","domain":"retail","serial":9,'
                                   b'"revoked_at_ms":0}'),
        revocation(offset=3)._replace(key=b"shop-2"),
        revocation(offset=4)._replace(position=Position(insights_topic("health"), 0, 0)),
        signed(SHOP, 1, 5),
    )  # fmt: skip
    assert folding.reasons == [Reason.FORGED] * 5
    assert folding.accepted() == 1


def test_a_renewed_certificate_goes_on_and_the_old_one_stops() -> None:
    newer = identity(serial=2)
    folding = Folding().fold(signed(SHOP, 1), signed(newer, 2, 1), signed(SHOP, 3, 2))
    assert (folding.accepted(), folding.reasons) == (2, [Reason.SUPERSEDED])
    assert "goes on under 2" in folding.why
    folding.restart().fold(signed(SHOP, 4, 3), signed(newer, 4, 4))
    assert (folding.accepted(), folding.reasons[1:]) == (3, [Reason.SUPERSEDED])
