"""CloudEvents 1.0 headers in Kafka binary mode (prefix `ce_`).

Source: CloudEvents Kafka protocol binding 1.0.2, section 3.2.
"""

from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from scarcity.events.types import Headers

JSON_TYPE = b"application/json"
MSGPACK_TYPE = b"application/msgpack"


def event_headers(
    kind: str, *, source: str, event_id: str, at_ms: int, content_type: bytes = JSON_TYPE
) -> Headers:
    """Headers of an event.

    Args:
        kind: name of the struct, e.g. `Insight`; ce_type becomes `scarcity.Insight.v1`.
        source: of the sender, e.g. `/clients/shop-7`; what a URI-reference may not hold is escaped.
        event_id: unique within the source.
        at_ms: time of the event, ms since 1970.
    """
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_type", f"scarcity.{kind}.v1".encode()),
        ("ce_source", _uri_reference(source)),
        ("ce_time", _rfc3339(at_ms)),
        ("content-type", content_type),
    )


@lru_cache(maxsize=1024)  # records of one batch share their broker's time
def _rfc3339(at_ms: int) -> bytes:
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z").encode()


@lru_cache(maxsize=1024)
def _uri_reference(source: str) -> bytes:
    # RFC 3986, section 2; a client's name may hold anything.
    return quote(source, safe="/:@!$&'()*+,;=").encode()
