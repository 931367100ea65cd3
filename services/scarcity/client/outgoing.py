"""A client's events as records: topic, key, bytes and CloudEvents headers."""

from scarcity.events.client_registered import ClientRegistered
from scarcity.events.codec import encode_json, encode_msgpack
from scarcity.events.domain_profile import DomainProfile
from scarcity.events.evaluation import Evaluation
from scarcity.events.gossip_weights import GossipWeights
from scarcity.events.headers import MSGPACK_TYPE, event_headers
from scarcity.events.insight import Insight
from scarcity.events.secure_keys import SecureKeys
from scarcity.events.secure_term import SecureTerm
from scarcity.events.topics import (
    CLIENTS,
    DOMAINS,
    EVALUATIONS,
    gossip_topic,
    insights_topic,
    secagg_keys_topic,
    secagg_terms_topic,
)
from scarcity.events.types import Headers, Outgoing


def insight_record(insight: Insight, *, now_ms: int) -> Outgoing:
    """To `insights.<domain>`."""
    headers = _headers("Insight", insight.client_id, str(insight.sequence), now_ms)
    key = insight.client_id.encode()
    return Outgoing(insights_topic(insight.domain), key, encode_json(insight), headers)


def registration_record(event: ClientRegistered, *, now_ms: int) -> Outgoing:
    """To `clients`."""
    lease = f"{event.leased_scalars}-{event.leased_rounds}"
    event_id = "-".join(filter(None, (str(event.registered_at_ms), lease, event.limit_reached)))
    headers = _headers("ClientRegistered", event.client_id, event_id, now_ms)
    return Outgoing(CLIENTS, event.client_id.encode(), encode_json(event), headers)


def weights_record(weights: GossipWeights, *, now_ms: int) -> Outgoing:
    """To `gossip.<domain>`."""
    headers = event_headers(
        "GossipWeights",
        source=f"/clients/{weights.client_id}",
        event_id=f"gossip-{weights.cycle}",
        at_ms=now_ms,
        content_type=MSGPACK_TYPE,
    )
    key = weights.client_id.encode()
    return Outgoing(gossip_topic(weights.domain), key, encode_msgpack(weights), headers)


def secure_record(event: SecureKeys | SecureTerm, *, now_ms: int) -> Outgoing:
    """A message of a member, to `secagg-keys.<domain>` or `secagg-terms.<domain>`."""
    is_keys = isinstance(event, SecureKeys)
    topic = (secagg_keys_topic if is_keys else secagg_terms_topic)(event.domain)
    headers = event_headers(
        type(event).__name__,
        source=f"/clients/{event.client_id}",
        event_id=f"{event.round}-{event.stage}",
        at_ms=now_ms,
        content_type=MSGPACK_TYPE,
    )
    return Outgoing(topic, event.client_id.encode(), encode_msgpack(event), headers)


def evaluation_record(event: Evaluation, *, now_ms: int) -> Outgoing:
    """To `evaluations`."""
    headers = _headers("Evaluation", f"{event.domain}/new", str(event.version), now_ms)
    return Outgoing(EVALUATIONS, event.domain.encode(), encode_json(event), headers)


def profile_record(profile: DomainProfile, *, now_ms: int) -> Outgoing:
    """To `domains`."""
    headers = event_headers(
        "DomainProfile",
        source="/operator",
        event_id=f"{profile.domain}-{now_ms}",
        at_ms=now_ms,
    )
    return Outgoing(DOMAINS, profile.domain.encode(), encode_json(profile), headers)


def _headers(kind: str, client: str, event_id: str, now_ms: int) -> Headers:
    return event_headers(kind, source=f"/clients/{client}", event_id=event_id, at_ms=now_ms)
