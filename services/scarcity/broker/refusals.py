"""Why a broker cannot be reached: away, which passes, or refusing, which does not.

aiokafka says `Unable to bootstrap` for both and drops the cause, so it is looked for here, with a
connection of its own.
"""

import asyncio
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, NamedTuple

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from scarcity.broker.errors import to_broker_error
from scarcity.broker.security import (
    CA_KEY,
    CERT_KEY,
    PROTOCOL_KEY,
    SecuritySettings,
    unverified,
)
from scarcity.broker.settings import KafkaSettings
from scarcity.events.errors import BrokerError

ANSWER_S: Final = 5.0
AGAIN_S: Final = 0.5

# Reasons of OpenSSL that do not pass. Others, e.g. an end of file, come of a broker that goes away.
_TLS_ADVICE: Final[Mapping[str, str]] = {
    "CERTIFICATE_VERIFY_FAILED": f"the broker's certificate is not trusted: check {CA_KEY}",
    "CERTIFICATE_REQUIRED": f"the broker wants a certificate of ours: set {CERT_KEY}",
    "ALERT_CERTIFICATE_EXPIRED": f"the broker says that ours expired: check {CERT_KEY}",
    "CERTIFICATE_UNKNOWN": f"the broker refuses our certificate: check {CERT_KEY}",
    "ALERT_BAD_CERTIFICATE": f"the broker refuses our certificate: check {CERT_KEY}",
    "ALERT_UNKNOWN_CA": f"the broker does not know our certificate's authority: check {CERT_KEY}",
    "ALERT_HANDSHAKE_FAILURE": f"no common way, or it wants a certificate: check {CERT_KEY}",
    "WRONG_VERSION_NUMBER": f"the port does not speak TLS: check it and {PROTOCOL_KEY}",
    "RECORD_LAYER_FAILURE": f"the port does not speak TLS: check it and {PROTOCOL_KEY}",
}


async def find_refusal(settings: KafkaSettings, doing: str) -> BrokerError | None:
    """The refusal of the first server that refuses; None when one answers or all are away.

    Args:
        doing: what was tried; begins the message.
    """
    for server in settings.bootstrap_servers.split(","):
        refusal = await _refusal_of(settings.security, server)
        if refusal is None:
            continue
        if refusal.why:
            # Once more: a broker that is about to end may close a connection at any time.
            await asyncio.sleep(AGAIN_S)
            refusal = await _refusal_of(settings.security, server)
        if refusal is not None and refusal.why:
            error = BrokerError(f"{doing}: {server}: {refusal.why}")
            error.__cause__ = refusal.cause
            return error
        return None
    return None


class _Answer(NamedTuple):
    """What a server said; ``why`` is empty when all is well or this may pass."""

    why: str = ""
    cause: BaseException | None = None


async def _refusal_of(security: SecuritySettings, server: str) -> _Answer | None:
    """None: it is away."""
    host, _, port = server.rpartition(":")
    try:
        async with asyncio.timeout(ANSWER_S):
            await _greet(security, host.strip("[]"), int(port))
    except (TimeoutError, ConnectionRefusedError):
        return None
    except (OSError, KafkaError) as error:
        if not security.uses_tls and await _speaks_tls(host.strip("[]"), int(port)):
            why = f"the port speaks TLS: set {PROTOCOL_KEY} to SASL_SSL or SSL"
        else:
            why = _why(security, error)
        return _Answer(why, error.__cause__ or error)
    return _Answer()


def find_refusal_now(settings: KafkaSettings, doing: str) -> BrokerError | None:
    """As :func:`find_refusal`, for code that is not asynchronous; a loop may run around it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, find_refusal(settings, doing)).result()


async def _greet(security: SecuritySettings, host: str, port: int) -> None:
    connection = await create_conn(
        host, port, request_timeout_ms=int(1000 * ANSWER_S), **security.aiokafka_options()
    )
    try:
        # A listener that wants SASL answers what comes before it, and closes at the first request.
        await connection.send(MetadataRequest([]))
    finally:
        await connection.close()


def _why(security: SecuritySettings, error: OSError | KafkaError) -> str:
    """What the broker refuses, and what to do; empty: it may be away."""
    cause = error.__cause__ or error
    if isinstance(cause, ssl.SSLError):
        return _tls_refusal(cause)
    if isinstance(error, KafkaError) and not error.retriable:
        return str(to_broker_error(error, "login"))
    if isinstance(error, KafkaConnectionError) and not security.uses_sasl:
        wanted = "SASL_SSL" if security.uses_tls else "SASL_PLAINTEXT"
        return (
            "the broker closed the connection at the first request: it wants a user: set "
            f"{PROTOCOL_KEY} to {wanted}"
        )
    return ""


def _tls_refusal(error: ssl.SSLError) -> str:
    found = f"{error.reason or ''} {error}"
    for sign, advice in _TLS_ADVICE.items():
        if sign in found:
            verified = getattr(error, "verify_message", "")
            detail = verified or (error.reason or "").lower().replace("_", " ")
            return f"TLS: {detail}: {advice}"
    return ""


async def _speaks_tls(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(host, port, ssl=unverified())
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
