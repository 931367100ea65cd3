"""Every aiokafka error becomes ours, with what to do at its end."""

import inspect

import pytest
from aiokafka import errors as kafka

from scarcity.broker.errors import ADVICE, kafka_errors, to_broker_error
from scarcity.events.errors import BrokerError

ALL = [
    kind
    for kind in vars(kafka).values()
    if inspect.isclass(kind) and issubclass(kind, kafka.KafkaError)
]


def test_aiokafka_has_the_errors_that_this_walk_is_about() -> None:
    assert len(ALL) > 80
    assert kafka.ProducerFenced in ALL


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_of_aiokafka_is_translated_with_advice(kind: type[kafka.KafkaError]) -> None:
    with pytest.raises(BrokerError) as caught, kafka_errors("publish to ledger"):
        raise kind("detail")
    said = str(caught.value)
    assert said.startswith(f"publish to ledger: {kind.__name__}")
    assert any(said.endswith(advice) for _, advice in ADVICE)
    assert "\n" not in said


def test_no_entry_is_hidden_behind_a_more_general_one_above_it() -> None:
    for number, (kind, _) in enumerate(ADVICE):
        above = [general for general, _ in ADVICE[:number] if issubclass(kind, general)]
        assert not above, f"{kind.__name__} never speaks: {above} stands before it"


def test_the_last_entry_catches_what_aiokafka_adds_one_day() -> None:
    class NewError(kafka.KafkaError):
        pass

    assert "see the broker's log" in str(to_broker_error(NewError(), "read"))


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(ZeroDivisionError), kafka_errors("read"):
        raise ZeroDivisionError
