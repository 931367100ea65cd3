"""`scarcity domain`: declare domains, list them, and find the profile of one."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scarcity.broker.clock import now_ms
from scarcity.broker.commands import add_bootstrap_servers, settings_of

if TYPE_CHECKING:
    from scarcity.broker.protocol import Broker
    from scarcity.broker.settings import KafkaSettings
    from scarcity.events.domain_profile import DomainProfile


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `domain`."""
    from scarcity.client.domain_create import register_create
    from scarcity.client.domain_file import EXAMPLE

    domain = commands.add_parser("domain", help="declare domains, or list them")
    actions = domain.add_subparsers(dest="action", required=True, metavar="ACTION")
    apply = actions.add_parser(
        "apply",
        help="publish the domain profiles of a YAML file",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="A profile, one YAML document a domain:\n\n" + EXAMPLE,
    )
    apply.add_argument("file", type=Path)
    apply.set_defaults(handler=apply_domains)
    register_create(actions)
    listing = actions.add_parser("list", help="print the domains that were declared")
    listing.set_defaults(handler=list_domains)
    for parser in (apply, listing):
        add_bootstrap_servers(parser)


def apply_domains(args: argparse.Namespace) -> int:
    """`scarcity domain apply`."""
    from scarcity.client.domain_file import read_profiles

    profiles = read_profiles(args.file)
    asyncio.run(publish_profiles(settings_of(args), profiles))
    for profile in profiles:
        print(f"domain {profile.domain}: applied ({describe(profile)})")
    return 0


async def publish_profiles(settings: "KafkaSettings", profiles: "list[DomainProfile]") -> None:
    """Declare domains whose topics are there.

    Raises:
        InputError: a domain has no topics.
    """
    from scarcity.broker.following import check_there
    from scarcity.broker.kafka import KafkaBroker
    from scarcity.client.outgoing import profile_record
    from scarcity.events.errors import BrokerError, InputError
    from scarcity.events.topics import insights_topic, secagg_terms_topic

    async with KafkaBroker(settings, client_id="scarcity-domain") as broker:
        for profile in profiles:
            own = secagg_terms_topic if profile.privacy == "secagg" else insights_topic
            try:
                await check_there(settings, own(profile.domain))
            except BrokerError as error:
                raise InputError(
                    f"domain {profile.domain!r} has no topics: add it to `domains:` in topics.yaml "
                    f"and run `scarcity topics apply` ({error})"
                ) from None
        at_ms = now_ms()
        await broker.publish(*(profile_record(p, now_ms=at_ms) for p in profiles))


def list_domains(args: argparse.Namespace) -> int:
    """`scarcity domain list`."""
    profiles = asyncio.run(_list(settings_of(args)))
    if not profiles:
        print("no domain yet: `scarcity domain apply FILE.yaml` declares one", file=sys.stderr)
    for name, profile in sorted(profiles.items()):
        print(f"{name}: {describe(profile)}")
    return 0


async def _list(settings: "KafkaSettings") -> "dict[str, DomainProfile]":
    from scarcity.broker.kafka import KafkaBroker

    # Not entered: it would make itself known as a producer, and a reader may not be one.
    return await profiles_of(KafkaBroker(settings, client_id="scarcity-domain"))


async def profiles_of(broker: "Broker") -> "dict[str, DomainProfile]":
    """The latest profile of each domain."""
    from scarcity.events.codec import decode_json
    from scarcity.events.domain_profile import DomainProfile
    from scarcity.events.topics import DOMAINS

    latest = {record.key: record for record in await broker.read_all(DOMAINS)}
    found = [decode_json(r.value, DomainProfile) for r in latest.values() if r.value is not None]
    return {profile.domain: profile for profile in found}


async def profile_of(broker: "Broker", domain: str) -> "DomainProfile":
    """The latest profile of one domain.

    Raises:
        InputError: there is none.
    """
    from scarcity.events.errors import InputError

    profiles = await profiles_of(broker)
    if domain not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise InputError(
            f"domain {domain!r} is not declared (declared: {known}): write its profile and run "
            "`scarcity domain apply FILE.yaml`"
        )
    return profiles[domain]


def describe(profile: "DomainProfile") -> str:
    """One line for people."""
    features = ", ".join(c.name for c in profile.features)
    policy = profile.policy
    scaling = "" if profile.is_complete else ", scaling still to be estimated"
    return (
        f"{profile.target.name} from {features}; family {profile.family}, privacy "
        f"{profile.privacy}, rounds {policy.mode} of {policy.min_clients} clients or more{scaling}"
    )
