"""`scarcity quarantine`: who counts no more, by whose word; an operator adds and lifts marks."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from scarcity.broker.clock import now_ms
from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.keys.operator import add_operator_key, read_operator_key

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings
    from scarcity.events.ruling import Ruling
    from scarcity.events.standing import Mark

    Marked = dict[str, dict[str, tuple[Mark, int]]]


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `quarantine`."""
    parser = commands.add_parser("quarantine", help="clients whose insights do not count")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="print who is marked, since when and why")
    listing.set_defaults(handler=run_list)
    for verb, kind, text in (
        ("add", "quarantine", "let clients count no more, from now on"),
        ("lift", "readmit", "let marked clients count again"),
    ):
        ruling = verbs.add_parser(verb, help=text, description=f"{text[:1].upper()}{text[1:]}.")
        ruling.add_argument("clients", metavar="CLIENT,…")
        ruling.add_argument("--domain", required=True)
        ruling.add_argument("--reason", default="", help="kept with the ruling")
        add_operator_key(ruling)
        ruling.set_defaults(handler=run_ruling, kind=kind)
        add_bootstrap_servers(ruling)
    add_bootstrap_servers(listing)


def run_list(args: argparse.Namespace) -> int:
    """Print the marks, one a line."""
    marked = asyncio.run(_read(settings_of(args)))
    lines = [
        f"{domain}: {client}, by {mark.by} since version {version}"
        + (f" (evidence {mark.evidence:.3g})" if mark.evidence else "")
        for domain, clients in sorted(marked.items())
        for client, (mark, version) in sorted(clients.items())
    ]
    print("\n".join(lines) or "no client is marked")
    return 0


def run_ruling(args: argparse.Namespace) -> int:
    """Publish a signed ruling."""
    from scarcity.events.errors import InputError
    from scarcity.events.ruling import Ruling
    from scarcity.events.topics import check_domain
    from scarcity.keys.signed_events import sign_event

    clients = tuple(dict.fromkeys(filter(None, args.clients.split(","))))
    if not clients:
        raise InputError("name at least one client")
    key, settings = read_operator_key(args), settings_of(args)
    marked = asyncio.run(_read(settings))
    if check_domain(args.domain) not in marked:
        known = ", ".join(sorted(marked)) or "none"
        raise InputError(f"the ledger holds no domain {args.domain!r}; it holds: {known}")
    others = sorted(set(clients) - marked[args.domain].keys())
    if args.kind == "readmit" and others:
        raise InputError(f"client {others[0]!r} of {args.domain} is not marked")
    ruling = Ruling(args.kind, (args.domain,), clients, now_ms(), args.reason)
    asyncio.run(_publish(settings, sign_event(ruling, key)))
    print(f"published; the next version of {args.domain} tells it")
    return 0


async def _read(settings: "KafkaSettings") -> "Marked":
    from scarcity.broker.kafka import KafkaBroker
    from scarcity.events.codec import decode_json
    from scarcity.events.ledger_entry import LedgerEntry
    from scarcity.events.topics import LEDGER
    from scarcity.meta.marked import marked_clients

    records = await KafkaBroker(settings).read_all(LEDGER)
    return marked_clients(decode_json(record.value, LedgerEntry) for record in records)


async def _publish(settings: "KafkaSettings", ruling: "Ruling") -> None:
    from scarcity.broker.kafka import KafkaBroker
    from scarcity.meta.rulings import ruling_record

    async with KafkaBroker(settings, client_id="scarcity-operator") as broker:
        await broker.publish(ruling_record(ruling, at_ms=ruling.ruled_at_ms))
