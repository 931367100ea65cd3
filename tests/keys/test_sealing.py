"""Sealing: readers read, others do not, and no byte can be changed or moved."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scarcity.events.gossip_weights import SealedDeviation, WrappedKey
from scarcity.keys.exchange_key import ExchangeKey
from scarcity.keys.sealing import DoesNotOpenError, NotForThisKeyError, open_sealed, seal

# Fixed keys: to make one takes longer than to draw its number.
KEYS = [ExchangeKey(bytes([number]) * 32) for number in range(1, 10)]
CONTENT = bytes(range(32))
SOME = settings(deadline=None, max_examples=50)
numbers = st.integers(0, len(KEYS) - 1)


def sealed_for(*readers: int, plain: bytes = b"prior", bound: bytes = b"a") -> SealedDeviation:
    return seal(plain, bound, [KEYS[n].public for n in readers], CONTENT)


@SOME
@given(st.binary(max_size=2000), st.binary(max_size=100), st.sets(numbers), numbers)
def test_exactly_the_readers_read(plain: bytes, bound: bytes, readers: set[int], who: int) -> None:
    sealed = seal(plain, bound, [KEYS[n].public for n in readers], CONTENT)
    assert len(sealed.wraps) == len(readers)
    if who in readers:
        assert open_sealed(sealed, bound, KEYS[who]) == plain
    else:
        with pytest.raises(NotForThisKeyError):
            open_sealed(sealed, bound, KEYS[who])


@SOME
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_what_is_bound_to_one_thing_does_not_open_as_another(one: bytes, other: bytes) -> None:
    sealed = sealed_for(0, bound=one)
    if one == other:
        assert open_sealed(sealed, other, KEYS[0]) == b"prior"
        return
    with pytest.raises(DoesNotOpenError):
        open_sealed(sealed, other, KEYS[0])


@SOME
@given(st.data())
def test_no_bit_of_body_or_wrap_can_be_changed(data: st.DataObject) -> None:
    sealed = sealed_for(0)
    whole = sealed.body + sealed.wraps[0].wrapped
    at = data.draw(st.integers(0, 8 * len(whole) - 1))
    changed = bytearray(whole)
    changed[at // 8] ^= 1 << at % 8
    body, wrapped = bytes(changed[: len(sealed.body)]), bytes(changed[len(sealed.body) :])
    forged = SealedDeviation(body, [WrappedKey(sealed.wraps[0].key_id, wrapped)])
    if at == 8 * len(sealed.body) + 255:
        # The top bit of an X25519 point is ignored by its definition (RFC 7748, section 5), but it
        # is hashed into the key (RFC 9180, section 4.1).
        assert wrapped != sealed.wraps[0].wrapped
    with pytest.raises(DoesNotOpenError):
        open_sealed(forged, b"a", KEYS[0])


@SOME
@given(st.binary(max_size=200), st.binary(max_size=120))
def test_garbage_does_not_open(body: bytes, wrapped: bytes) -> None:
    forged = SealedDeviation(body, [WrappedKey(KEYS[0].key_id, wrapped)])
    with pytest.raises(DoesNotOpenError):
        open_sealed(forged, b"a", KEYS[0])


def test_a_wrap_of_one_message_does_not_open_another() -> None:
    one, other = sealed_for(0, bound=b"cycle 1"), sealed_for(0, bound=b"cycle 2")
    mixed = SealedDeviation(other.body, one.wraps)
    for bound in (b"cycle 1", b"cycle 2"):
        with pytest.raises(DoesNotOpenError):
            open_sealed(mixed, bound, KEYS[0])


def test_a_wrap_for_one_reader_does_not_open_for_another() -> None:
    sealed = sealed_for(0)
    renamed = SealedDeviation(sealed.body, [WrappedKey(KEYS[1].key_id, sealed.wraps[0].wrapped)])
    with pytest.raises(DoesNotOpenError):
        open_sealed(renamed, b"a", KEYS[1])


def test_a_reader_who_is_named_twice_is_wrapped_for_once() -> None:
    assert len(sealed_for(0, 0, 1).wraps) == 2


def test_a_key_that_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError):
        seal(b"prior", b"a", [bytes(32)], CONTENT)
