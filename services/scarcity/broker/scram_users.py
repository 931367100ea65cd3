"""Users with a password, by Kafka's protocol: librdkafka 2.16 ends the process when it is refused.

Schema of DescribeUserScramCredentials, version 0: https://kafka.apache.org/protocol
"""

from typing import Any, Final

from aiokafka.errors import NoError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from scarcity.broker.asking import ask
from scarcity.broker.errors import kafka_errors
from scarcity.broker.settings import KafkaSettings

MECHANISMS: Final = {1: "SCRAM-SHA-256", 2: "SCRAM-SHA-512"}
_TEXT: Final = CompactString("utf-8")


class DescribeUsersResponse_v0(Response):  # type: ignore[misc]  # noqa: N801
    """Users and their mechanisms."""

    API_KEY = 50
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", _TEXT),
        (
            "results",
            CompactArray(
                ("user", _TEXT),
                ("error_code", Int16),
                ("error_message", _TEXT),
                (
                    "credential_infos",
                    CompactArray(
                        ("mechanism", Int8), ("iterations", Int32), ("tags", TaggedFields)
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeUsersRequest_v0(RequestStruct):  # type: ignore[misc]  # noqa: N801
    """Which users; none: all. For null, Kafka 4.4 does not answer those who may not ask."""

    FLEXIBLE_VERSION = True
    API_KEY = 50
    API_VERSION = 0
    RESPONSE_TYPE = DescribeUsersResponse_v0
    SCHEMA = Schema(
        ("users", CompactArray(("name", _TEXT), ("tags", TaggedFields))), ("tags", TaggedFields)
    )


class DescribeUsersRequest(Request[DescribeUsersRequest_v0]):  # type: ignore[misc]
    """Builds the request for the broker's version."""

    API_KEY = 50

    def build(self, request_struct_class: Any) -> Any:
        """The request itself."""
        return request_struct_class([], {})


async def read_users(settings: KafkaSettings) -> dict[str, tuple[str, ...]]:
    """Users with a password, and the mechanisms that they have it for.

    Raises:
        BrokerError: the broker refused or does not answer.
    """
    answer = await ask(settings, DescribeUsersRequest(), "list users")
    with kafka_errors("list users"):
        kind = for_code(answer.error_code)
        if kind is not NoError:
            raise kind(answer.error_message or "")
    return {
        user: tuple(MECHANISMS.get(info[0], "unknown") for info in infos)
        for user, _code, _message, infos, _tags in sorted(answer.results or [])
    }
