"""The generated schemas hold for encoded events, and drift is seen."""

from pathlib import Path
from typing import Any

import jsonschema
import msgpack
import msgspec
import orjson
import pytest
import yaml

from scarcity.broker import schemas
from scarcity.broker.declared import load_topics
from scarcity.events.checkpoint import Checkpoint
from scarcity.events.client_memory import ClientMemory, ExpertMemory, Source
from scarcity.events.client_registered import ClientRegistered, Moments
from scarcity.events.codec import SCHEMA_VERSION, encode_json, encode_msgpack
from scarcity.events.credential import Credential
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_plan import GossipPlan
from scarcity.events.gossip_weights import (
    GossipDeviation,
    GossipWeights,
    SealedDeviation,
    WrappedKey,
)
from scarcity.events.insight import ExpertInsight, Insight
from scarcity.events.ledger_entry import LedgerEntry, PartitionInputs, RoundPolicy
from scarcity.events.meta_parameters import MetaParameters
from scarcity.events.meta_state import MetaState
from scarcity.events.revocation import Revocation
from scarcity.events.ruling import Ruling
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_term import SecureTerm
from scarcity.events.tensor import TensorPayload

ROOT = Path(__file__).parents[2]
ONE = TensorPayload((1,), "float64", bytes(8))
INSIGHT = Insight(
    client_id="shop-7",
    expert_insights={"expert_0": ExpertInsight(0.5, 12, 0.6, [1, -2], {"default": 0.7})},
    avg_loss=0.5,
    total_samples=12,
    domain="retail",
    sequence=3,
)
EXAMPLES: list[msgspec.Struct] = [
    INSIGHT,
    Insight("shop-7", {}, 0.5, 0, "retail"),
    ClientMemory(
        "retail", "shop-7", INSIGHT, {"expert_0": ExpertMemory(1, 0.5, 0.5)}, 1, 0, 0, 5, 5,
        Source("insights.retail", 0, 7),
    ),
    ClientRegistered("shop-7", "retail", 12, 5, {"price": Moments(12, 3.0, 4.0)}),
    Credential("retail", "shop-7", 2, None, 3, "left", Source("insights.retail", 0, 7), 5),
    DomainProfile("retail", "shops", (Column("price", 0.0, 1.0),), Column("sold", 0.0, 1.0)),
    Evaluation("retail", 3, 10, 0.1, 0.2, 0.3, 0.4, [0.1], [1.0]),
    GossipPlan("shop-7", "retail", 1, "exchange", 0, ["shop-8"]),
    GossipWeights("shop-7", "retail", 1, 3, b"\x00\xff"),
    GossipDeviation(TensorPayload((2,), "int8", b"\x01\xff"), ONE),
    SealedDeviation(b"\x00\xff", [WrappedKey(b"\x01\x02", b"\xfe")]),
    LedgerEntry(
        "retail", 1, "", "shops", [PartitionInputs.of(0, [7])], "00", 1, 1, 0.0, RoundPolicy(),
        "00", "0.1.0", "quorum", False, "00", 0.5, [0.5, None], 1.0, {"gossip": 0.1}, 5,
    ),
    MetaParameters("retail", 1, "shops", ONE, ONE, ONE, ONE, {"default": ONE}),
    MetaState("retail", tensors={"m": ONE}, scalars={"step": 1.0}, used={0: 7}),
    Checkpoint(5, 1, MetaState("retail", tensors={"m": ONE})),
    Revocation("shop-7", "retail", 3, 5, "left"),
    Ruling("repair", ("retail",), ("shop-7",), 5, states=(MetaState("retail"),)),
    SecureKeys("shop-7", "retail", 5, "keys", bytes(32), bytes(32)),
    SecureRound("retail", 5, 3, "share", ["shop-7"], [bytes(32)], [bytes(32)], 3),
    SecureTerm("shop-7", "retail", 5, "masked", TensorPayload((1,), "int64", bytes(8)), bytes(32)),
]  # fmt: skip
MSGPACK = (
    GossipWeights,
    GossipDeviation,
    SealedDeviation,
    MetaParameters,
    MetaState,
    Checkpoint,
    Ruling,
    SecureKeys,
    SecureRound,
    SecureTerm,
)


def decoded(event: msgspec.Struct) -> Any:
    """The event as another tool reads it; bytes stand as base64, the way the schema says."""
    if not isinstance(event, MSGPACK):
        return orjson.loads(encode_json(event))
    plain = msgpack.unpackb(encode_msgpack(event), strict_map_key=False)
    return orjson.loads(msgspec.json.encode(plain))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_encoded_event_is_valid_under_its_schema(event: msgspec.Struct) -> None:
    schema = schemas.json_schema(type(event).__name__)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(decoded(event), schema)


def test_every_event_has_an_example_here() -> None:
    assert {type(event).__name__ for event in EXAMPLES} == set(schemas.EVENTS)


def test_every_struct_of_events_with_a_version_has_a_schema() -> None:
    def below(kind: type) -> set[type]:
        return {k for sub in kind.__subclasses__() for k in (sub, *below(sub))}

    versioned = {
        kind.__name__
        for kind in below(msgspec.Struct)
        if kind.__module__.startswith("scarcity.events.")
        and "schema_version" in kind.__struct_fields__  # type: ignore[attr-defined]
        and not kind.__name__.startswith("_")
    }
    assert versioned == set(schemas.EVENTS) - {"GossipDeviation", "SealedDeviation"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": 7},
        {"total_samples": "twelve"},
        {"expert_insights": {"expert_0": {"loss": 0.5}}},
    ],
)
def test_an_event_that_breaks_its_contract_is_invalid(wrong: dict[str, Any]) -> None:
    schema = schemas.json_schema("Insight")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**decoded(INSIGHT), **wrong}, schema)


def test_the_schemas_in_the_repository_are_the_generated_ones() -> None:
    files = schemas.generate(load_topics(ROOT / "topics.yaml"))
    assert schemas.differences(ROOT / "schemas", files) == []


def test_missing_changed_and_leftover_files_are_differences(tmp_path: Path) -> None:
    files = schemas.generate(load_topics(ROOT / "topics.yaml"))
    assert schemas.differences(tmp_path, files) == sorted(files)
    schemas.write(tmp_path, files)
    assert schemas.differences(tmp_path, files) == []
    (tmp_path / "Insight.json").write_text("{}")
    (tmp_path / "Gone.json").write_text("{}")
    assert schemas.differences(tmp_path, files) == ["Gone.json", "Insight.json"]
    schemas.write(tmp_path, files)
    assert schemas.differences(tmp_path, files) == []


def test_asyncapi_refers_only_to_what_is_there() -> None:
    files = schemas.generate(load_topics(ROOT / "topics.yaml"))
    document = yaml.safe_load(files[schemas.ASYNCAPI])

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [r for inner in value.values() for r in references(inner)]
        return [r for inner in value for r in references(inner)] if isinstance(value, list) else []

    found = references(document)
    assert len(found) > 50
    for reference in found:
        if reference.startswith("./"):
            assert reference.removeprefix("./") in files
            continue
        at = document
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def test_asyncapi_carries_partitions_and_cleanup_of_topics_yaml() -> None:
    document = schemas.asyncapi(load_topics(ROOT / "topics.yaml"))
    ledger = document["channels"]["ledger"]["bindings"]["kafka"]
    assert ledger["partitions"] == 1
    assert ledger["topicConfiguration"]["cleanup.policy"] == ["delete"]
    assert ledger["topicConfiguration"]["retention.ms"] == -1


def test_the_present_schema_version_has_an_entry_in_the_changes() -> None:
    changes = (ROOT / "schemas" / schemas.CHANGES).read_text("utf-8")
    assert schemas.has_entry(changes, SCHEMA_VERSION), f"write what {SCHEMA_VERSION} changes"
    assert not schemas.has_entry(changes, "999.0")
