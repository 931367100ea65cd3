"""Hypothesis strategies for events, made from the structs' own types: a new field is covered."""

import types
from math import prod
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import assume
from hypothesis import strategies as st

from scarcity.events.codec import SCHEMA_VERSION
from scarcity.events.domain_profile import Column, DomainProfile
from scarcity.events.dp_rules import DpRules
from scarcity.events.ledger_entry import RoundPolicy
from scarcity.events.secure_round import SecureRound
from scarcity.events.secure_sum import SumRules
from scarcity.events.secure_term import SecureTerm
from scarcity.events.tensor import ITEM_BYTES, TensorPayload
from scarcity.events.types import NOISED_SLOPE_CHOICES, SLOPE_CHOICES

# Exact in every reader of JSON and msgpack that these events have.
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: _INTEGERS,
    float: _FLOATS,
    str: _TEXT,
    bool: st.booleans(),
    bytes: st.binary(max_size=12),
    type(None): st.none(),
}


def event_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Events of a kind, every field drawn; those that the kind refuses are left out."""
    if kind in _SPECIAL:
        return _SPECIAL[kind]
    hints = get_type_hints(kind)
    fields = {name: value_of(hints[name]) for name in kind.__struct_fields__}
    if "schema_version" in fields:
        fields["schema_version"] = st.just(SCHEMA_VERSION)
    return st.fixed_dictionaries(fields).map(lambda drawn: _made(kind, drawn))


def value_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([value_of(argument) for argument in arguments])
    if origin is list:
        return st.lists(value_of(arguments[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(value_of(arguments[0]), value_of(arguments[1]), max_size=2)
    if origin is tuple and arguments[1:] == (...,):
        return st.lists(value_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*map(value_of, arguments))
    return event_of(hint)


def _made(kind: type[msgspec.Struct], drawn: dict[str, Any]) -> Any:
    try:
        return kind(**drawn)
    except ValueError:
        assume(False)


@st.composite
def _tensors(draw: st.DrawFn) -> TensorPayload:
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    dtype = draw(st.sampled_from(sorted(ITEM_BYTES)))
    size = prod(shape) * ITEM_BYTES[dtype]
    return TensorPayload(shape, dtype, draw(st.binary(min_size=size, max_size=size)))


_POSITIVE = st.floats(1e-6, 1e6)
_SHARE = st.floats(1e-6, 1.0)


def _policies(
    *modes: str, quarantine: st.SearchStrategy[float], least: int = 1
) -> st.SearchStrategy[RoundPolicy]:
    counts = st.integers(least, 10**6)
    return st.builds(
        RoundPolicy,
        st.sampled_from(modes), counts, _SHARE, _POSITIVE, counts, _POSITIVE, quarantine,
    )  # fmt: skip


_RULES = st.builds(
    DpRules,
    st.sampled_from(["central", "local"]),
    noise_multiplier=_POSITIVE,
    clip=_POSITIVE,
    loss_clip=_POSITIVE,
    sampling_rate=_SHARE,
    clients=st.integers(10**6, 10**9),
    delta=st.floats(1e-12, 0.5),
    epsilon_limit=_POSITIVE,
)


_SUM_RULES = st.builds(SumRules, st.floats(0.5, 0.99), st.integers(3, 1000), st.floats(1e-6, 1e6))


@st.composite
def _secure_rounds(draw: st.DrawFn) -> SecureRound:
    stage = draw(st.sampled_from(["call", "share", "mask", "reveal", "closed"]))
    clients = sorted(draw(st.sets(_TEXT, max_size=3)))
    keys = st.lists(st.binary(max_size=33), min_size=len(clients), max_size=len(clients))
    both = [draw(keys) if stage == "share" else [] for _ in range(2)]
    return SecureRound(
        draw(_TEXT), draw(_INTEGERS), draw(_INTEGERS), stage, clients, *both, draw(_INTEGERS),
        draw(_TEXT),
    )  # fmt: skip


@st.composite
def _secure_terms(draw: st.DrawFn) -> SecureTerm:
    vector = draw(st.none() | st.lists(_INTEGERS, max_size=4))
    data = b"".join(n.to_bytes(8, "little", signed=True) for n in vector or ())
    shares = draw(st.dictionaries(_TEXT, st.binary(max_size=33), max_size=4))
    names = sorted(shares)
    return SecureTerm(
        draw(_TEXT),
        draw(_TEXT),
        draw(_INTEGERS),
        "revealed" if vector is None else "masked",
        None if vector is None else TensorPayload((len(vector),), "int64", data),
        draw(st.binary(max_size=33)),
        {name: shares[name] for name in names[::2]},
        {name: shares[name] for name in names[1::2]},
    )


@st.composite
def _profiles(draw: st.DrawFn) -> DomainProfile:
    privacy = draw(st.sampled_from(["budget", "dp", "secagg", "open"]))
    is_noised, is_summed = privacy == "dp", privacy == "secagg"
    is_strict = is_noised or is_summed
    is_declared = is_strict or draw(st.booleans())
    names = draw(st.lists(_TEXT, min_size=2, max_size=5, unique=True))
    numbers = st.tuples(_FLOATS, _POSITIVE)
    columns = [
        Column(name, *(draw(numbers if is_declared else st.just((None, None))))) for name in names
    ]
    modes = ("deadline",) if is_noised else ("sync", "async", "deadline")
    return DomainProfile(
        draw(_TEXT),
        draw(_TEXT),
        tuple(columns[:-1]),
        columns[-1],
        scaling="declared" if is_declared else "estimated",
        privacy=privacy,
        seed=draw(_TEXT),
        support_rows=draw(st.integers(1, 10**6)),
        slopes=is_strict or draw(st.booleans()),
        slope_clip=draw(_POSITIVE),
        slopes_per_expert=draw(
            st.sampled_from(NOISED_SLOPE_CHOICES if privacy == "dp" else SLOPE_CHOICES)
        ),
        experts=tuple(sorted(draw(st.sets(st.integers(0, 9))))),
        policy=draw(
            _policies(
                *modes,
                quarantine=st.just(0.0) if is_strict else _POSITIVE,
                least=3 if is_summed else 1,
            )
        ),
        dp=draw(_RULES) if is_noised else None,
        secagg=draw(st.none() | _SUM_RULES) if is_summed else None,
    )


_SPECIAL: dict[type[msgspec.Struct], st.SearchStrategy[Any]] = {
    TensorPayload: _tensors(),
    RoundPolicy: _policies("sync", "async", "deadline", quarantine=_POSITIVE),
    DpRules: _RULES,
    SumRules: _SUM_RULES,
    SecureRound: _secure_rounds(),
    SecureTerm: _secure_terms(),
    DomainProfile: _profiles(),
    Column: st.builds(Column, _TEXT, st.none() | _FLOATS, st.none() | _POSITIVE),
}
