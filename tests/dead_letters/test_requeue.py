import pytest
from tests.dead_letters.letters import HEADERS, parked

from scarcity.dead_letters.letter import Letter
from scarcity.dead_letters.requeue import obstacle, original_record, refusals
from scarcity.events.types import Position, Record


@pytest.mark.parametrize("value", [b"{", b"", None, bytes(range(256))])
def test_the_original_comes_back_byte_for_byte_with_a_header_that_says_so(
    value: bytes | None,
) -> None:
    out = original_record(Letter.of(parked(4, value=value)))
    assert (out.topic, out.key, out.value) == ("insights.retail", b"shop-7", value)
    assert out.headers == (*HEADERS, ("requeued_from", b"0@4"))
    assert out.partition is None  # the key chooses it, as for the sender


def test_a_second_time_the_header_names_the_newer_letter_alone() -> None:
    first = original_record(Letter.of(parked(4)))
    again = Letter.of(parked(9, headers=first.headers))
    assert again.requeued_from == "0@4"
    assert original_record(again).headers == (*HEADERS, ("requeued_from", b"0@9"))


@pytest.mark.parametrize("topic", ["global-memory", "meta-parameters", "ledger", "gossip-plan"])
def test_what_a_service_derives_is_not_sent_by_another(topic: str) -> None:
    letter = Letter.of(parked(topic=topic))
    assert "written by its service alone" in obstacle(letter)
    with pytest.raises(ValueError, match="requeue what it was made from"):
        original_record(letter)


def test_a_letter_without_source_stays() -> None:
    letter = Letter.of(Record(Position("dead-letters", 0, 1), b"k", b"v", 7))
    assert "which topic" in refusals([letter], {})["0@1"]


def test_a_letter_that_came_back_gives_way_to_its_newer_one() -> None:
    letters = [Letter.of(parked(4)), Letter.of(parked(9))]
    assert list(refusals(letters, {}, {"0@4"})) == ["0@4"]


def test_old_bytes_do_not_replace_a_newer_record_of_a_compacted_topic() -> None:
    letter = Letter.of(parked(4, topic="domains", key=b"retail"))
    own = Record(Position("domains", 2, 104), b"retail", b"{", 0)
    newer = own._replace(position=Position("domains", 2, 300))
    assert refusals([letter], {"domains": {b"retail": own}}) == {}
    assert refusals([letter], {"domains": {}}) == {}
    told = refusals([letter], {"domains": {b"retail": newer}})
    assert told == {"0@4": "domains holds a newer record of its key"}
