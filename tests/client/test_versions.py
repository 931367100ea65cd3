"""Versions: read from their event, and the pair that the gate compares."""

import numpy as np
import pytest
from tests.client.worlds import version

from scarcity.client.versions import Version, Versions, parameters_event
from scarcity.events.codec import decode_msgpack, encode_msgpack
from scarcity.events.errors import EventError, Reason
from scarcity.events.meta_parameters import MetaParameters
from scarcity.learning.initial import default_z
from scarcity.learning.tensors import to_payload


def event(**changes: object) -> MetaParameters:
    whole = parameters_event("d", "d", 4, default_z(2), np.full(10, np.nan), {"own": default_z(2)})
    for name, value in changes.items():
        setattr(whole, name, value)
    return whole


def test_a_version_survives_the_wire() -> None:
    read = Version.of(decode_msgpack(encode_msgpack(event()), MetaParameters))
    assert read.number == 4
    assert read.z.numpy().tolist() == default_z(2).tolist()
    assert read.candidates["own"].numpy().tolist() == default_z(2).tolist()
    assert np.isnan(read.domain_losses.numpy()).all()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"w_init": to_payload(np.zeros((3, 64)))}, Reason.MALFORMED),
        ({"log_sigma2": to_payload(np.zeros(10, np.float32))}, Reason.MALFORMED),
        ({"alpha": to_payload(np.full((10, 64), np.inf))}, Reason.NOT_FINITE),
        ({"candidates": {"x": to_payload(np.full((10, 129), np.nan))}}, Reason.NOT_FINITE),
    ],
)
def test_a_tensor_of_another_shape_type_or_without_finite_numbers_is_refused(
    changes: dict[str, object], reason: Reason
) -> None:
    with pytest.raises(EventError) as caught:
        Version.of(event(**changes))
    assert caught.value.reason is reason


def test_the_previous_version_is_the_one_just_before_or_none() -> None:
    versions = Versions()
    assert versions.see(version(5))
    assert versions.previous is None
    assert versions.see(version(6))
    assert versions.previous is not None
    assert versions.previous.number == 5
    assert versions.see(version(8))
    assert versions.previous is None


def test_an_older_or_repeated_version_changes_nothing() -> None:
    versions = Versions()
    versions.see(version(5))
    assert not versions.see(version(5))
    assert not versions.see(version(4))
    assert versions.current is not None
    assert versions.current.number == 5
