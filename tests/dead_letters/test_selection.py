import pytest
from tests.dead_letters.letters import parked

from scarcity.broker.time_options import parse_time
from scarcity.dead_letters.letter import Letter
from scarcity.dead_letters.selection import Selection, parse_place, parse_reasons
from scarcity.events.errors import InputError, Reason

LETTER = Letter.of(parked(at_ms=5_000))


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(frozenset({"malformed", "forged"}), "retail", "shop-7", 5_000, 5_000),
        Selection(until_ms=6_000),
    ],
)
def test_a_letter_that_meets_every_criterion_is_admitted(selection: Selection) -> None:
    assert selection.admits(LETTER)


@pytest.mark.parametrize(
    "selection",
    [
        Selection(frozenset({"too-large"})),
        Selection(domain="economic"),
        Selection(client="shop-8"),
        Selection(since_ms=5_001),
        Selection(until_ms=4_999),
        Selection(frozenset({"malformed"}), "retail", "shop-8"),
    ],
)
def test_one_criterion_that_fails_is_enough(selection: Selection) -> None:
    assert not selection.admits(LETTER)


def test_an_unknown_reason_is_refused_with_the_known_ones() -> None:
    assert parse_reasons([Reason.FORGED]) == {"forged"}
    with pytest.raises(InputError, match=r"--reason odd: unknown; one of: too-large, "):
        parse_reasons(["odd"])


@pytest.mark.parametrize("text", ["12", "0@", "@3", "a@1", "0@-1", "dead-letters[0]@1"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="PARTITION@OFFSET"):
        parse_place(text)


@pytest.mark.parametrize("text", ["yesterday", "2w", "-3h", ""])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--since"):
        parse_time(text, "--since", 0)
