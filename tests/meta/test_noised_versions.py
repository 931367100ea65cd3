"""Mode `dp` at the meta-learner: noise, its key, its account, and where it stops."""

import hashlib

import msgspec
import numpy as np
import pytest
from tests.meta.feeding import (
    entries,
    folded,
    insight,
    latest_states,
    memory_record,
    parameters,
    profile_record,
    tell,
)
from tests.meta.feeding import profile as plain_profile

from scarcity.events.domain_profile import DomainProfile
from scarcity.events.dp_rules import NO_PROMISE, DpRound, DpRules
from scarcity.events.errors import EventError, ServiceError
from scarcity.events.insight import Insight
from scarcity.events.ledger_entry import LedgerEntry, RoundPolicy
from scarcity.learning.accounting import epsilon
from scarcity.learning.online_maml import OnlineMAMLEngine
from scarcity.learning.tensors import from_payload
from scarcity.meta.coordinator import MetaCoordinator
from scarcity.meta.noised_versions import (
    commitment,
    first_noised_version,
    next_noised_version,
)
from scarcity.meta.publishing import Publication
from scarcity.meta.recompute import first_version, inputs_of, next_version

KEY = bytes(range(32))
CENTRAL = DpRules(clients=20, sampling_rate=0.1, noise_multiplier=2.0)
LOCAL = DpRules(where="local", noise_multiplier=2.0, epsilon_limit=50.0)
AT_DEADLINE = RoundPolicy(mode="deadline", min_clients=1, deadline_s=5.0)


def private(rules: DpRules, domain: str = "clinic") -> DomainProfile:
    declared = plain_profile(domain, policy=AT_DEADLINE)
    return msgspec.structs.replace(declared, privacy="dp", dp=rules)


def coordinator(key: bytes = KEY) -> MetaCoordinator:
    return MetaCoordinator(OnlineMAMLEngine(), lambda: 0.0, "test", draw_noise_key=lambda: key)


def started(rules: DpRules, key: bytes = KEY) -> tuple[MetaCoordinator, list[Publication]]:
    meta = coordinator(key)
    meta.observe(profile_record(private(rules)))
    return meta, meta.advance(0)


def round_of(
    meta: MetaCoordinator, number: int, clients: str = "abc", spent: float | None = None
) -> list[Publication]:
    """Insights on version ``number``, and the close of their round at its deadline."""
    at_ms = 10_000 * (number + 1)
    for place, client in enumerate(clients):
        told = insight("clinic", client, number + 1, number)
        told.epsilon = None if spent is None else spent + place
        meta.observe(memory_record(folded(told, offset=10 * number + place, at_ms=at_ms)))
    assert meta.advance(at_ms + 4_999) == []
    return meta.advance(at_ms + 5_000)


def entry_of(published: list[Publication]) -> LedgerEntry:
    (entry,) = entries(published)
    return entry


def test_an_entry_tells_the_noise_s_rules_its_cost_and_a_commitment_to_its_key() -> None:
    meta, first = started(CENTRAL)
    for number, published in enumerate([first, round_of(meta, 0), round_of(meta, 1)]):
        entry = entry_of(published)
        digest = hashlib.sha256(b"scarcity/noise-key/" + KEY).hexdigest()
        spent = epsilon(CENTRAL, number)
        assert entry.dp == DpRound(CENTRAL, 8, spent, 1e-5, noise_commitment=digest)
        assert KEY.hex() not in msgspec.json.encode(entry).decode()


def test_a_round_ends_at_its_deadline_however_many_came() -> None:
    meta, _ = started(CENTRAL)
    assert entry_of(round_of(meta, 0, "abcdefghij")).closed_by == "deadline"


def test_parameters_do_not_tell_when_the_newest_client_came() -> None:
    meta, _ = started(CENTRAL)
    (sent,) = parameters(round_of(meta, 0))
    assert sent.newest_source_ms == 0
    assert sent.candidates is None


def test_the_version_of_the_ledger_can_be_made_again_and_only_with_its_key() -> None:
    meta, _ = started(CENTRAL)
    published = round_of(meta, 0)
    entry, engine = entry_of(published), OnlineMAMLEngine()
    first = first_noised_version(engine, "clinic", "shops", 2, {})
    heard = [insight("clinic", client, 1, 0) for client in "abc"]
    assert entry.dp is not None
    made = next_noised_version(
        engine, "clinic", first.domain, first.family, heard, entry.dp, KEY, entry.inputs_hash
    )
    assert made.result_hash == entry.result_hash
    for key, says in ((b"", "is not there"), (KEY[::-1], "is another one")):
        with pytest.raises(EventError, match=says):
            next_noised_version(
                engine, "clinic", first.domain, first.family, heard, entry.dp, key, ""
            )


def test_without_a_client_the_noise_is_another_one() -> None:
    engine = OnlineMAMLEngine()
    first = first_noised_version(engine, "clinic", "shops", 2, {})
    rules = msgspec.structs.replace(CENTRAL, noise_multiplier=0.001)
    told = DpRound(rules, 8, 1.0, 1e-5, noise_commitment=commitment(KEY))

    def losses(heard: list[Insight], inputs_hash: str) -> list[float]:
        made = next_noised_version(
            engine, "clinic", first.domain, first.family, heard, told, KEY, inputs_hash
        )
        return made.domain.domain_losses.tolist()

    with_all = losses([insight("clinic", client, 1, 0) for client in "abc"], "all")
    same_noise = losses([insight("clinic", client, 1, 0) for client in "ab"], "all")
    # A seed without the inputs would show the third client to anyone who can subtract; two clients
    # are expected, so its losses are divided by 2.
    third = [e.loss / 2 for e in insight("clinic", "c", 1, 0).expert_insights.values()]
    assert np.allclose(np.subtract(with_all, same_noise), third, atol=1e-6)
    other_noise = losses([insight("clinic", client, 1, 0) for client in "ab"], "without c")
    assert not np.isclose(other_noise, same_noise).any()


def test_a_restored_coordinator_draws_on_from_the_same_key() -> None:
    meta, published = started(CENTRAL)
    published += round_of(meta, 0)
    other = coordinator(key=KEY[::-1])
    other.restore(latest_states(published))
    other.observe(profile_record(private(CENTRAL)))
    on, again = round_of(meta, 1), round_of(other, 1)
    assert entry_of(on).result_hash == entry_of(again).result_hash


def test_no_version_passes_the_domain_s_limit() -> None:
    rules = msgspec.structs.replace(CENTRAL, epsilon_limit=1.001 * epsilon(CENTRAL, 2))
    meta, _ = started(rules)
    assert entry_of(round_of(meta, 0)).version == 1
    assert entry_of(round_of(meta, 1)).version == 2
    assert round_of(meta, 2) == []
    wait = meta.waits["clinic"]
    assert wait.stalled
    assert "has spent its privacy: version 3 would reach epsilon" in wait.reason


def test_other_rules_for_a_domain_with_versions_are_refused() -> None:
    meta, _ = started(CENTRAL)
    meta.observe(profile_record(private(msgspec.structs.replace(CENTRAL, noise_multiplier=1.0))))
    assert meta.advance(1) == []
    assert "other rules of privacy mode dp" in meta.waits["clinic"].reason
    meta.observe(profile_record(plain_profile("clinic")))
    assert meta.advance(2) == []


def test_no_gate_and_no_cap_judge_single_clients() -> None:
    quiet = DpRules(clients=3, sampling_rate=1.0, noise_multiplier=0.0, epsilon_limit=NO_PROMISE)
    meta, _ = started(quiet)
    for number in range(5):
        entry = entry_of(round_of(meta, number, "abcdef"))
        assert (entry.reverted, entry.step_scale, entry.mean_staleness_versions) == (False, 1.0, 0)


def test_with_local_noise_losses_are_not_listened_to_and_the_ledger_tells_the_highest_epsilon() -> (
    None
):
    meta, _ = started(LOCAL)
    entry = entry_of(round_of(meta, 0, spent=1.5))
    assert entry.dp is not None
    assert (entry.dp.epsilon, entry.dp.noise_commitment) == (3.5, "")
    assert entry.mean_loss is None
    assert entry.expert_losses == [None] * 10
    (sent,) = parameters(round_of(meta, 1, spent=2.5))
    assert np.isnan(from_payload(sent.domain_losses)).all()


def test_a_domain_with_noise_starts_from_its_family_and_tries_nothing() -> None:
    engine = OnlineMAMLEngine()
    start = first_version(engine, "outlet", "shops", 2, {})
    heard = [insight("outlet", client, 1, 0) for client in "abc"]
    taught = next_version(engine, "outlet", start.domain, start.family, heard).family
    usual = first_version(engine, "clinic", "shops", 2, {"shops": taught})
    noised = first_noised_version(engine, "clinic", "shops", 2, {"shops": taught})
    assert usual.domain.candidates
    assert not noised.domain.candidates
    assert (noised.domain.z == taught.z0).all()


def test_central_noise_needs_a_source_of_keys() -> None:
    meta = MetaCoordinator(OnlineMAMLEngine(), lambda: 0.0, "test")
    meta.observe(profile_record(private(CENTRAL)))
    with pytest.raises(ServiceError, match="source of secret keys"):
        meta.advance(0)


def test_the_hash_of_the_inputs_covers_what_the_clients_told() -> None:
    meta, _ = started(CENTRAL)
    tell(meta, folded(insight("clinic", "a", 1, 0), offset=1, at_ms=0))
    (entry,) = entries(meta.advance(9_000))
    assert entry.inputs_hash != inputs_of([])[1]
