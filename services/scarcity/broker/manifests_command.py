"""`scarcity topics manifests`: topics.yaml for Strimzi's operators."""

import argparse
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

if TYPE_CHECKING:
    from scarcity.broker.access import Principal
    from scarcity.broker.declared import Declared

PER_DOMAIN: Final = ("client", "evaluator")


def add_manifests(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    add_options: Callable[[argparse.ArgumentParser], None],
) -> None:
    """Add `manifests`; ``add_options`` gives it the options that choose topics."""
    verb = verbs.add_parser(
        "manifests",
        help="print KafkaTopics and KafkaUsers for Strimzi",
        description="Prints YAML for kubectl: every topic, and a user with its rights for every "
        "service and for the clients that are named.",
    )
    add_options(verb)
    verb.add_argument("--strimzi", required=True, metavar="CLUSTER", help="name of the Kafka")
    verb.add_argument("--namespace", help="of the manifests; default: kubectl's")
    verb.add_argument(
        "--authentication",
        choices=("scram-sha-512", "tls"),
        default="scram-sha-512",
        help="how users prove who they are (scram-sha-512)",
    )
    for role in PER_DOMAIN:
        verb.add_argument(
            f"--{role}",
            action="append",
            default=[],
            metavar="NAME:DOMAIN,…",
            help=f"a user with the rights of a {role} in these domains; repeatable",
        )
    verb.set_defaults(handler=_manifests)


def _manifests(args: argparse.Namespace) -> int:
    import yaml

    from scarcity.broker import strimzi
    from scarcity.broker.access import acls_of
    from scarcity.broker.declared import Copies, find_topics_file, load_topics

    copies = Copies(args.replication, args.min_isr)
    declared = load_topics(find_topics_file(args.file, os.environ), copies)
    people = list(_principals(declared, args))
    served = [domain for principal in people for domain in principal.domains]
    manifests = strimzi.topics(declared, args.strimzi, [*args.domain, *served])
    for principal in people:
        rights = acls_of(declared, principal.role, principal.kafka_name, principal.domains)
        manifests.append(
            strimzi.user(
                principal.name,
                args.strimzi,
                rights,
                authentication=args.authentication,
                quotas=declared.quotas.get(principal.role),
            )
        )
    for manifest in manifests:
        if args.namespace:
            manifest["metadata"]["namespace"] = args.namespace
    print(yaml.safe_dump_all(manifests, sort_keys=False), end="")
    return 0


def _principals(declared: "Declared", args: argparse.Namespace) -> "Iterator[Principal]":
    from scarcity.broker.access import Principal
    from scarcity.broker.strimzi import USER_PREFIX

    for role, service in declared.services.items():
        if not service.own_domains:
            yield Principal(USER_PREFIX + role, role)
    for role in PER_DOMAIN:
        for told in getattr(args, role):
            name, _, domains = told.partition(":")
            if not name or not domains:
                raise InputError(f"--{role} {told}: want NAME:DOMAIN, e.g. bank-a:economic")
            yield Principal(name, role, tuple(map(check_domain, domains.split(","))))
