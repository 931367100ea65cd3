"""`scarcity dead-letters list | show | requeue`."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.broker.time_options import add_time_range, time_range_of
from scarcity.events.errors import InputError

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings
    from scarcity.dead_letters.letter import Letter
    from scarcity.dead_letters.selection import Selection

DEFAULT_LIMIT = 50


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `dead-letters`."""
    parser = commands.add_parser(
        "dead-letters", help="look at refused records, and send them again"
    )
    verbs = parser.add_subparsers(required=True, metavar="list|show|requeue")
    listing = verbs.add_parser("list", help="the newest, one a line")
    listing.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help="newest shown (50); 0: all"
    )
    listing.set_defaults(handler=run_list)
    show = verbs.add_parser("show", help="one in full")
    show.add_argument("place", metavar="PARTITION@OFFSET", help="as `list` prints it")
    show.set_defaults(handler=run_show)
    requeue = verbs.add_parser(
        "requeue",
        help="send originals again, to their topic, under their key",
        description="Publishes the original bytes to the original topic under the original key, "
        "with a header `requeued_from` that names the dead letter. The letter itself stays.",
    )
    requeue.add_argument("places", nargs="*", metavar="PARTITION@OFFSET", help="as `list` prints")
    requeue.add_argument("--all", action="store_true", help="every letter that the filters admit")
    requeue.add_argument("--dry-run", action="store_true", help="say what would be sent")
    requeue.set_defaults(handler=run_requeue)
    for verb in (listing, requeue):
        verb.add_argument("--reason", action="append", default=[], help="parked for this reason")
        verb.add_argument("--domain", default="", help="of this domain")
        verb.add_argument("--client", default="", help="of this client")
        add_time_range(verb, "parked")
    for verb in (listing, show, requeue):
        verb.add_argument("--json", action="store_true", help="print JSON, one object")
        add_bootstrap_servers(verb)


def run_list(args: argparse.Namespace) -> int:
    """Print the newest letters."""
    from scarcity.dead_letters.reading import read_letters
    from scarcity.dead_letters.screen import list_lines

    if args.limit < 0:
        raise InputError(f"--limit {args.limit}: at least 0")
    found = asyncio.run(read_letters(settings_of(args), _selection(args), args.limit or None))
    if args.json:
        letters = [letter.to_document() for letter in found.newest]
        _print_json({"admitted": found.admitted, "by_reason": found.by_reason, "letters": letters})
    else:
        print(*list_lines(found), sep="\n")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print one letter."""
    from scarcity.dead_letters.reading import read_letter
    from scarcity.dead_letters.screen import SHOW_CHARACTERS, letter_lines
    from scarcity.dead_letters.selection import parse_place

    letter = asyncio.run(read_letter(settings_of(args), parse_place(args.place)))
    if args.json:
        _print_json(letter.to_document(SHOW_CHARACTERS))
    else:
        print(*letter_lines(letter), sep="\n")
    return 0


def run_requeue(args: argparse.Namespace) -> int:
    """Send letters again; 1 when one of them had to stay."""
    from scarcity.dead_letters.screen import refused_lines
    from scarcity.dead_letters.selection import Selection

    selection = _selection(args)
    if not args.places and selection == Selection() and not args.all:
        raise InputError("say which: places of `scarcity dead-letters list`, a filter, or --all")
    if args.places and (selection != Selection() or args.all):
        raise InputError("give places, or filters, not both")
    sent, left, told = asyncio.run(_requeue(settings_of(args), args, selection))
    if args.json:
        _print_json(
            {
                "dry_run": args.dry_run,
                "sent": [letter.to_document() for letter in sent],
                "left": [{"place": letter.name, "why": told[letter.name]} for letter in left],
            }
        )
    else:
        verb = "would send" if args.dry_run else "sent"
        print(*(f"{verb} {x.name} to {x.source.topic if x.source else ''}" for x in sent), sep="\n")
        print(*refused_lines(left, told), sep="\n", end="\n" if left else "")
    return 1 if left else 0


async def _requeue(
    settings: "KafkaSettings", args: argparse.Namespace, selection: "Selection"
) -> "tuple[list[Letter], list[Letter], dict[str, str]]":
    from scarcity.broker.kafka import KafkaBroker, latest_by_key
    from scarcity.dead_letters.reading import read_letter, read_letters
    from scarcity.dead_letters.requeue import COMPACTED_TOPICS, original_record, refusals
    from scarcity.dead_letters.selection import parse_place

    if args.places:
        places = [parse_place(text) for text in args.places]
        came_back: frozenset[str] = frozenset()  # who names a letter means it
        letters = [await read_letter(settings, place) for place in places]
    else:
        found = await read_letters(settings, selection, None)
        letters, came_back = found.newest, found.came_back
    topics = {x.source.topic for x in letters if x.source and x.source.topic in COMPACTED_TOPICS}
    latest = {topic: await latest_by_key(settings, topic) for topic in sorted(topics)}
    told = refusals(letters, latest, came_back)
    sent = [letter for letter in letters if letter.name not in told]
    if sent and not args.dry_run:
        async with KafkaBroker(settings, client_id="scarcity-dead-letters") as broker:
            await broker.publish(*map(original_record, sent))
    return sent, [letter for letter in letters if letter.name in told], told


def _selection(args: argparse.Namespace) -> "Selection":
    from scarcity.broker.clock import now_ms
    from scarcity.dead_letters.selection import Selection, parse_reasons

    times = time_range_of(args, now_ms())
    return Selection(parse_reasons(args.reason), args.domain, args.client, *times)


def _print_json(document: dict[str, object]) -> None:
    import orjson

    print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
