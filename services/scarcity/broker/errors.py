"""aiokafka's errors in our words. A test walks ``aiokafka.errors`` so that none is left out.

Every message ends with what the operator should do.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from scarcity.events.errors import BrokerError

# The first class that matches decides, so the special stand before the general.
ADVICE: tuple[tuple[type[kafka.KafkaError], str], ...] = (
    (
        kafka.UnknownTopicOrPartitionError,
        "it does not exist, or this user may not see it: run `scarcity topics apply`",
    ),
    (kafka.InvalidTopicError, "use a topic that topics.yaml declares"),
    (kafka.TopicAlreadyExistsError, "compare with `scarcity topics plan`"),
    (
        kafka.MessageSizeTooLargeError,
        "the record is larger than its topic allows: raise max.message.bytes in topics.yaml, "
        "or send less",
    ),
    (
        kafka.RecordTooLargeError,
        "the record is larger than a fetch allows: raise max.message.bytes in topics.yaml",
    ),
    (kafka.RecordListTooLargeError, "the batch is larger than a segment: send less at once"),
    (kafka.TopicAuthorizationFailedError, "the broker's ACLs refuse this user the topic"),
    (kafka.GroupAuthorizationFailedError, "the broker's ACLs refuse this user the group"),
    (
        kafka.ClusterAuthorizationFailedError,
        "the broker's ACLs refuse this user: it is the administrator's business",
    ),
    (
        kafka.TransactionalIdAuthorizationFailed,
        "the broker's ACLs refuse this user the transactional id",
    ),
    (kafka.SaslAuthenticationFailed, "check user and password"),
    (kafka.AuthenticationMethodNotSupported, "the broker does not speak this SASL mechanism"),
    (kafka.UnsupportedSaslMechanismError, "the broker does not speak this SASL mechanism"),
    (
        kafka.ProducerFenced,
        "another process took over the transactional id: this one must end, nothing else to do",
    ),
    (
        kafka.InvalidProducerEpoch,
        "another process took over the transactional id: this one must end, nothing else to do",
    ),
    (kafka.UnsupportedVersionError, "the broker is too old: use Apache Kafka 4.0 or newer"),
    (kafka.IncompatibleBrokerVersion, "the broker is too old: use Apache Kafka 4.0 or newer"),
    (
        kafka.NotEnoughReplicasError,
        "too few replicas are in sync: bring the other brokers back, or lower min.insync.replicas",
    ),
    (
        kafka.KafkaConnectionError,
        "the broker cannot be reached: start it (`scarcity broker start`) or check the address",
    ),
    (
        kafka.KafkaTimeoutError,
        "the broker did not answer in time: see its log, `scarcity broker status` tells where",
    ),
    (
        kafka.UnknownError,
        "aiokafka does not know Kafka's code for it (e.g. a record without a key for a compacted "
        "topic): see the broker's log",
    ),
    (
        kafka.KafkaError,
        "see the broker's log; `scarcity broker status` tells where the embedded broker keeps it",
    ),
)


def to_broker_error(error: kafka.KafkaError, doing: str) -> BrokerError:
    """Our error for one of aiokafka's.

    Args:
        doing: what was tried, e.g. ``publish to ledger``; begins the message.

    >>> str(to_broker_error(kafka.SaslAuthenticationFailed(), "read clients"))
    'read clients: SaslAuthenticationFailed: check user and password'
    """
    advice = next(text for kind, text in ADVICE if isinstance(error, kind))
    detail = "; ".join(str(a) for a in error.args if a)
    name = type(error).__name__ + (f" ({detail})" if detail else "")
    return BrokerError(" ".join(f"{doing}: {name}: {advice}".split()))


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Raise BrokerError for every aiokafka error inside.

    Raises:
        BrokerError: see :func:`to_broker_error`.
    """
    try:
        yield
    except kafka.KafkaError as error:
        raise to_broker_error(error, doing) from error


@asynccontextmanager
async def transaction(producer: AIOKafkaProducer) -> AsyncIterator[None]:
    """A transaction of a producer; one that ends under us is told as fenced.

    aiokafka learns in the background that another took over, drops the transaction, and then
    complains that there is none.

    Raises:
        ProducerFenced: another process took over the transactional id.
    """
    try:
        async with producer.transaction():
            yield
    except kafka.IllegalOperation as error:
        raise kafka.ProducerFenced(str(error)) from error
