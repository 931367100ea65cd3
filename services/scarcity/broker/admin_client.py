"""One connection of confluent-kafka's admin client, with its errors in our words."""

import logging
from concurrent.futures import Future
from importlib import import_module
from typing import Any, Final

from scarcity.broker.refusals import find_refusal_now
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import BrokerError, ServiceError

TIMEOUT_S: Final = 15.0
# Kafka's codes: topic, group, cluster and transactional id authorization failed.
NOT_ALLOWED: Final = (29, 30, 31, 53)

logger = logging.getLogger(__name__)


class AdminConnection:
    """What plans and commands of administration are built on.

    Raises:
        ServiceError: confluent-kafka is not installed.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        try:
            # Through Any: the package is half typed and re-exports from private modules.
            self._kafka: Any = import_module("confluent_kafka.admin")
        except ImportError:
            raise ServiceError(
                "this command needs the extra `admin`: pip install 'scarcity[admin]'"
            ) from None
        self._settings = settings
        self._servers = settings.bootstrap_servers
        options = {
            "bootstrap.servers": self._servers,
            "log_level": 0,
            **settings.security.librdkafka_options(),
        }
        self._client = self._kafka.AdminClient(options, logger=logger)

    def _wait(self, future: "Future[Any]", doing: str) -> Any:
        try:
            return future.result(TIMEOUT_S)
        except self._kafka.KafkaException as error:
            raise self._error(doing, error) from None
        except TimeoutError:
            raise BrokerError(
                f"{doing}: {self._servers} did not answer within {TIMEOUT_S:.0f} s: try again"
            ) from None

    def _error(self, doing: str, error: Any) -> BrokerError:
        reason = error.args[0]
        if reason.code() < 0:  # librdkafka's own codes: no answer; Kafka's are positive
            if refusal := find_refusal_now(self._settings, doing):
                return refusal
            advice = f"is Kafka running at {self._servers}? `scarcity broker start` starts one"
        elif reason.code() in NOT_ALLOWED:  # Kafka's text is then a page of its internals
            return BrokerError(
                f"{doing}: {reason.name()}: the broker's ACLs refuse this user: it is the "
                "administrator's business"
            )
        else:
            advice = "compare with `scarcity topics plan`"
        return BrokerError(f"{doing}: {reason.str()}: {advice}")
