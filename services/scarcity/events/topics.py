"""Names of the topics; topics.yaml declares their settings, and a test holds the two together."""

import re

from scarcity.events.errors import InputError

GLOBAL_MEMORY = "global-memory"
CREDENTIALS = "credentials"
META_PARAMETERS = "meta-parameters"
META_STATE = "meta-state"
LEDGER = "ledger"
CHECKPOINTS = "checkpoints"
RULINGS = "rulings"
CLIENTS = "clients"
DOMAINS = "domains"
GOSSIP_PLAN = "gossip-plan"
EVALUATIONS = "evaluations"
DEAD_LETTERS = "dead-letters"
SECAGG_ROUNDS = "secagg-rounds"
INSIGHTS_PREFIX = "insights."
GOSSIP_PREFIX = "gossip."
SECAGG_KEYS_PREFIX = "secagg-keys."
SECAGG_TERMS_PREFIX = "secagg-terms."

_DOMAIN = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def is_domain(name: str) -> bool:
    """Whether a name can be a domain's: a topic's suffix and a key.

    >>> is_domain("retail-eu"), is_domain("Retail"), is_domain("a" * 65)
    (True, False, False)
    """
    return _DOMAIN.fullmatch(name) is not None


def check_domain(domain: str) -> str:
    """Return ``domain`` when it can be a topic's suffix and a key.

    Raises:
        InputError: it is not lower-case letters, digits and hyphens.
    """
    if not is_domain(domain):
        raise InputError(
            f"domain {domain!r}: use 1 to 64 lower-case letters, digits and hyphens, e.g. retail-eu"
        )
    return domain


def insights_topic(domain: str) -> str:
    """Topic of a domain's insights.

    >>> insights_topic("retail")
    'insights.retail'
    """
    return INSIGHTS_PREFIX + domain


def gossip_topic(domain: str) -> str:
    """Topic of a domain's gossip."""
    return GOSSIP_PREFIX + domain


def secagg_keys_topic(domain: str) -> str:
    """Topic of the keys and sealed shares of a domain's members."""
    return SECAGG_KEYS_PREFIX + domain


def secagg_terms_topic(domain: str) -> str:
    """Topic of the masked terms of a domain's members, and of what opens their sum."""
    return SECAGG_TERMS_PREFIX + domain
