import msgpack
import orjson
import pytest
from tests.dead_letters.letters import HEADERS, TRACE, parked

from scarcity.dead_letters.letter import Letter
from scarcity.dead_letters.preview import preview, printable
from scarcity.events.types import Position, Record


def test_a_letter_tells_what_park_wrote() -> None:
    letter = Letter.of(parked(3))
    assert (letter.name, letter.reason, letter.stage) == ("0@3", "malformed", "memory.admission")
    assert letter.source == Position("insights.retail", 2, 103)
    assert (letter.domain, letter.client, letter.parked_at_ms) == ("retail", "shop-7", 5_000)
    assert (letter.key, letter.value, letter.headers) == (b"shop-7", b"{", HEADERS)
    assert letter.trace_id == TRACE


@pytest.mark.parametrize(
    ("topic", "key", "parties"),
    [
        ("global-memory", b"retail/shop/7", ("retail", "shop/7")),
        ("gossip.retail", b"shop-7", ("retail", "shop-7")),
        ("domains", b"retail", ("retail", "")),
        ("clients", b"shop-7", ("", "shop-7")),
        ("ledger", b"retail", ("", "")),
        ("insights.retail", None, ("retail", "")),
    ],
)
def test_domain_and_client_come_from_topic_and_key(
    topic: str, key: bytes | None, parties: tuple[str, str]
) -> None:
    letter = Letter.of(parked(topic=topic, key=key))
    assert (letter.domain, letter.client) == parties


def test_a_record_that_nobody_parked_is_still_shown() -> None:
    record = Record(Position("dead-letters", 0, 1), b"k", b"v", 7, (("dl_offset", b"x"),))
    letter = Letter.of(record)
    assert (letter.reason, letter.source, letter.domain) == ("unknown", None, "")
    assert orjson.dumps(letter.to_document())


def test_no_control_character_reaches_a_terminal() -> None:
    nasty = b"\x1b]0;title\x07\nnext\x00line"
    for text in (preview(nasty), printable(nasty), preview(b"\x1b[2J {}"), preview(b"\xc2\x9b2J")):
        assert text.isprintable(), repr(text)


def test_a_msgpack_map_is_told_as_json_without_its_tensors() -> None:
    event = msgpack.packb({"domain": "retail", "w_init": {"data": b"\xff" * 640}})
    assert preview(event) == '{"domain":"retail","w_init":{"data":"<640 bytes>"}}'


@pytest.mark.parametrize("characters", [1, 2, 3, 7, 160])
def test_a_long_value_is_cut_even_within_a_character(characters: int) -> None:
    for value in ("é" * 500, "日本" * 500, "a" * 500, "😀" * 500):
        told = preview(value.encode(), characters)
        assert len(told) == characters
        assert told == value[: characters - 1] + "…"


def test_bytes_that_are_no_text_are_told_by_their_number() -> None:
    assert preview(b"\xff" * 1000).startswith("1000 bytes: ff ff")
    assert preview(b"ok" + b"\xff" * 3) == "5 bytes: 6f 6b ff ff ff"
    assert preview(b"") == ""
    assert preview(None) == "(no value)"
