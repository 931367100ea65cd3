"""A signature holds for its key, its purpose and its message, and for nothing else."""

import pytest

from scarcity.keys.signing import PublicKey, SigningKey, TrustedKeys, Verdict

KEY, OTHER = SigningKey(bytes(32)), SigningKey(bytes([1] * 32))


def judge(trusted: TrustedKeys, key_id: str, signature: str, message: bytes = b"m") -> Verdict:
    return trusted.judge(key_id, signature, "note", message)


def test_the_published_test_vector_of_rfc_8032() -> None:
    """Section 7.1, test 1: the public key of this seed."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert SigningKey(seed).public.raw.hex() == public


def test_a_signature_is_the_same_every_time() -> None:
    assert KEY.sign("note", b"m") == KEY.sign("note", b"m")


def test_a_signature_holds_for_its_key_purpose_and_message_alone() -> None:
    signature = KEY.sign("note", b"m")
    assert KEY.public.verifies(signature, "note", b"m")
    assert not KEY.public.verifies(signature, "note", b"n")
    assert not KEY.public.verifies(signature, "bill", b"m")
    assert not OTHER.public.verifies(signature, "note", b"m")
    assert not KEY.public.verifies(b"short", "note", b"m")


def test_several_keys_are_trusted_while_one_replaces_another() -> None:
    both = TrustedKeys([KEY.public, OTHER.public])
    for key in (KEY, OTHER):
        signature = key.sign("note", b"m").hex()
        assert judge(both, key.public.key_id, signature) is Verdict.GOOD


def test_every_verdict() -> None:
    trusted = TrustedKeys([KEY.public])
    good, key_id = KEY.sign("note", b"m").hex(), KEY.public.key_id
    assert judge(trusted, key_id, good) is Verdict.GOOD
    assert judge(trusted, key_id, good, b"n") is Verdict.BAD
    assert judge(trusted, key_id, "no hex") is Verdict.BAD
    assert judge(trusted, key_id, "") is Verdict.BAD
    assert judge(trusted, "", good) is Verdict.UNKNOWN_KEY
    assert judge(trusted, OTHER.public.key_id, OTHER.sign("note", b"m").hex()) is (
        Verdict.UNKNOWN_KEY
    )
    # Another key under a trusted key's name is that key's bad signature.
    assert judge(trusted, key_id, OTHER.sign("note", b"m").hex()) is Verdict.BAD
    assert judge(trusted, "", "") is Verdict.UNSIGNED


def test_two_new_keys_differ_and_no_key_shows_its_secret() -> None:
    one, two = SigningKey.make(), SigningKey.make()
    assert one.public.key_id != two.public.key_id
    assert one.seed.hex() not in repr(one)
    assert str(one.seed) not in repr(one)


@pytest.mark.parametrize("kind", [PublicKey, SigningKey])
def test_a_key_of_another_length_is_refused(kind: type[PublicKey] | type[SigningKey]) -> None:
    with pytest.raises(ValueError, match="got 31"):
        kind(bytes(31))
