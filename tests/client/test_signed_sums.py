"""Where clients have identities, members' messages count when their senders signed them."""

import msgspec
import pytest
from tests.memory.signing import STRANGER, identity
from tests.secagg.playing import drawing
from tests.secagg.world import DOMAIN, World, profile, waves

from scarcity.client.outgoing import secure_record
from scarcity.client.signing import Signing
from scarcity.events.codec import encode_msgpack
from scarcity.events.errors import Reason, SignatureError
from scarcity.events.topics import SECAGG_ROUNDS
from scarcity.events.types import Outgoing
from scarcity.keys.record_signing import Identity
from scarcity.secagg.masks import Place
from scarcity.secagg.member import Member


def test_a_domain_whose_members_sign_makes_versions() -> None:
    world = World(waves(4), signed=True)
    world.until_version(2)
    assert [e.clients for e in world.entries()] == [0, 4, 4]


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (None, Reason.UNSIGNED),
        (identity("c01", domain=DOMAIN), Reason.FORGED),
        (identity("c00", domain="elsewhere"), Reason.WRONG_DOMAIN),
        (identity("c00", domain=DOMAIN, operator=STRANGER), Reason.FORGED),
        (identity("c00", domain=DOMAIN, expires_at_ms=1), Reason.EXPIRED),
    ],
)
def test_keys_under_a_false_name_are_refused_by_members_and_by_the_server(
    who: Identity | None, reason: Reason
) -> None:
    world = World(waves(3), signed=True)
    world.until_stage("call")
    number = world.notices()[-1].round
    keys = Member("c00", Place(DOMAIN, number), profile().sum_rules, drawing("thief")).keys()
    record = secure_record(keys, now_ms=0)
    if who is not None:
        lasting = msgspec.structs.replace(who.certificate, expires_at_ms=2**52)
        told = Signing({"c00": Identity(who.key, lasting, who.raw)})
        record = told.member(keys, world.now_ms)
    held = world.log.append(record)
    for take in (world.meta.observe, world.clients["c01"].summing.take):
        with pytest.raises(SignatureError) as refused:
            take(held)
        assert refused.value.reason is reason


def with_a_stranger(world: World) -> int:
    """How many clients share when the server announces a member that nobody heard of."""
    world.until_stage("share")
    notice = world.notices()[-1]
    made_up = Member("c09", Place(DOMAIN, notice.round), profile().sum_rules, drawing()).keys()
    false = msgspec.structs.replace(
        notice,
        clients=[*notice.clients, "c09"],
        mask_keys=[*notice.mask_keys, made_up.mask_key],
        share_keys=[*notice.share_keys, made_up.share_key],
        threshold=4,
    )
    world.append(Outgoing(SECAGG_ROUNDS, DOMAIN.encode(), encode_msgpack(false)))
    return sum(len(c.summing.answers([n], c.versions)) for n, c in world.clients.items())


def test_keys_that_a_server_made_up_are_used_by_nobody_where_members_sign() -> None:
    assert with_a_stranger(World(waves(4), signed=True)) == 0
    assert with_a_stranger(World(waves(4))) == 4
