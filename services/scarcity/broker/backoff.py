"""A broker that is not there yet is waited for, with one clear line in the log."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaConnectionError, KafkaError

from scarcity.broker.errors import to_broker_error
from scarcity.broker.refusals import find_refusal
from scarcity.broker.settings import KafkaSettings

logger = logging.getLogger(__name__)

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0


async def start_with_backoff(
    start: Callable[[], Awaitable[None]], what: str, settings: KafkaSettings
) -> None:
    """Call ``start`` until it succeeds: at once, after 0.5 s, doubling to 10 s.

    Args:
        start: e.g. the ``start`` of an aiokafka client; called again after a failure.
        what: who waits, for the log.
        settings: of that client; a broker that answers but refuses them is not waited for, and one
            that cannot be reached no longer than their ``patience_s``.

    Raises:
        BrokerError: the broker refused for a reason that waiting does not change, or the patience
            is over.
    """
    delay_s, waited_s = FIRST_DELAY_S, 0.0
    while True:
        try:
            await start()
        except KafkaError as error:
            translated = to_broker_error(error, what)
            if not error.retriable:
                raise translated from error
            # aiokafka has the same words for a broker that is away and for one that refuses.
            unreached = isinstance(error, KafkaConnectionError)
            if unreached and (refusal := await find_refusal(settings, what)):
                raise refusal from refusal.__cause__
            if settings.patience_s is not None and waited_s >= settings.patience_s:
                raise translated from error
            if delay_s == FIRST_DELAY_S:
                logger.warning("%s; trying again until it answers", translated)
        else:
            if delay_s > FIRST_DELAY_S:
                logger.warning("%s: the broker answers again", what)
            return
        await asyncio.sleep(delay_s)
        waited_s += delay_s
        delay_s = min(2 * delay_s, LONGEST_DELAY_S)
