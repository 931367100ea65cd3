"""`scarcity broker …`, `scarcity topics …` and `scarcity schemas …`."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scarcity.broker.manifests_command import add_manifests
from scarcity.broker.settings import (
    BOOTSTRAP_SERVERS_KEY,
    DEFAULT_BOOTSTRAP_SERVERS,
    KafkaSettings,
    check_servers,
)
from scarcity.events.errors import InputError
from scarcity.exit_codes import ExitCode

if TYPE_CHECKING:
    from scarcity.broker.access import Principal
    from scarcity.broker.declared import Declared


PATIENCE_S: Final = 7.0  # four tries


def add_bootstrap_servers(parser: argparse.ArgumentParser) -> None:
    """Give a command that talks to Kafka its `--bootstrap-servers`."""
    parser.add_argument(
        "--bootstrap-servers",
        metavar="HOST:PORT,…",
        help=f"the broker (default: {BOOTSTRAP_SERVERS_KEY} or {DEFAULT_BOOTSTRAP_SERVERS})",
    )


def settings_of(args: argparse.Namespace, *, waits: bool = False) -> KafkaSettings:
    """Settings from the environment; `--bootstrap-servers` wins over its address.

    Args:
        waits: the command runs on, so a broker that is away is waited for without end; one that
            answers a person gives up after PATIENCE_S.

    Raises:
        InputError: no host:port, or a key of the environment is wrong.
    """
    given = args.bootstrap_servers
    servers = {BOOTSTRAP_SERVERS_KEY: check_servers(given, "--bootstrap-servers")} if given else {}
    settings = KafkaSettings.from_environment({**os.environ, **servers})
    return replace(settings, patience_s=None if waits else PATIENCE_S)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this package's commands to the command line."""
    _register_broker(commands.add_parser("broker", help="a real Apache Kafka on this machine"))
    _register_topics(commands.add_parser("topics", help="compare topics.yaml with a cluster"))
    schemas = commands.add_parser("schemas", help="JSON Schemas and AsyncAPI of the events")
    verb = schemas.add_mutually_exclusive_group(required=True)
    verb.add_argument("--write", action="store_true", help="generate them")
    verb.add_argument("--check", action="store_true", help="exit 1 when they differ")
    schemas.add_argument("--out", type=Path, default=Path("schemas"), help="directory (schemas)")
    schemas.add_argument("--page", type=Path, metavar="FILE", help="a Markdown page of them, too")
    _add_file(schemas)
    schemas.set_defaults(handler=_schemas)


def _register_broker(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="start|stop|status|fetch")
    start = verbs.add_parser("start", help="start it and return when it answers")
    start.add_argument("--port", type=int, default=9092, help="port of the loopback (9092)")
    start.add_argument("--memory", type=int, default=512, metavar="MIB", help="Java heap (512)")
    start.add_argument(
        "--secure",
        type=Path,
        metavar="DIR",
        help="TLS and ACLs, with certificates of this directory; made when there are none",
    )
    start.set_defaults(handler=_broker_start)
    stop = verbs.add_parser("stop", help="stop it cleanly")
    stop.set_defaults(handler=_broker_stop)
    status = verbs.add_parser("status", help="say whether it runs; exit code 3 when not")
    status.set_defaults(handler=_broker_status)
    for verb in (start, stop, status):
        verb.add_argument("--data-dir", type=Path, help="default: below ~/.local/share/scarcity")
    fetch = verbs.add_parser("fetch", help="download Kafka now, e.g. before going offline")
    fetch.add_argument("--write-lock", type=Path, metavar="FILE", help="resolve anew and lock")
    fetch.set_defaults(handler=_broker_fetch)


def _register_topics(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="plan|apply|drift|rights|manifests")
    helps = {
        "plan": "print what would change",
        "apply": "change it; nothing when a part is refused",
        "drift": "exit 1 when there is a difference",
    }
    for name, text in helps.items():
        verb = verbs.add_parser(name, help=text)
        _add_choice(verb)
        verb.add_argument("--acls", action="store_true", help="rights and limits of users, too")
        verb.add_argument(
            "--principals", type=Path, metavar="FILE", help="who logs in as what, for --acls"
        )
        verb.add_argument(
            "--client",
            action="append",
            default=[],
            metavar="NAME:DOMAIN",
            help="a client's user and its domain, for --acls; may be repeated",
        )
        verb.add_argument(
            "--prune", action="store_true", help="take the rights of those who are not declared"
        )
        add_bootstrap_servers(verb)
        verb.set_defaults(handler=_topics, verb=name)
    rights = verbs.add_parser("rights", help="print who may do what, as a Markdown table")
    _add_file(rights)
    rights.set_defaults(handler=_rights)
    add_manifests(verbs, _add_choice)


def _add_choice(verb: argparse.ArgumentParser) -> None:
    """Which topics, and how many copies."""
    _add_file(verb)
    verb.add_argument(
        "--domain",
        action="extend",
        nargs="+",
        default=[],
        metavar="NAME",
        help="domains beside those of the file",
    )
    for option, what in (("--replication", "copies"), ("--min-isr", "copies in sync at least")):
        verb.add_argument(
            option,
            type=int,
            choices=range(1, 101),
            metavar="N",
            help=f"{what} of a record, in place of the file's default",
        )


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file", type=Path, help="topics file (SCARCITY_TOPICS_FILE, else topics.yaml here)"
    )


def _topics(args: argparse.Namespace) -> int:
    from scarcity.broker.admin import TopicAdmin
    from scarcity.broker.declared import Copies, find_topics_file, load_topics

    copies = Copies(args.replication, args.min_isr)
    declared = load_topics(find_topics_file(args.file, os.environ), copies)
    principals = _principals(args, declared)
    settings = settings_of(args)
    admin = TopicAdmin(settings)
    plan = admin.plan(declared, args.domain)
    print(*plan.lines(), sep="\n")
    if args.verb == "apply":
        admin.apply(plan)
    differs = bool(plan.changes)
    if args.acls:
        from scarcity.broker.access_admin import AccessAdmin

        access = AccessAdmin(settings)
        rights = access.plan(declared, principals, prune=args.prune)
        print(*rights.lines(), sep="\n")
        if args.verb == "apply":
            access.apply(rights)
        differs = differs or rights.has_changes or bool(rights.unknown)
    return 1 if args.verb == "drift" and differs else 0


def _rights(args: argparse.Namespace) -> int:
    from scarcity.broker.access_page import rights_table
    from scarcity.broker.declared import find_topics_file, load_topics

    print(rights_table(load_topics(find_topics_file(args.file, os.environ))), end="")
    return 0


def _principals(args: argparse.Namespace, declared: "Declared") -> "list[Principal]":
    from scarcity.broker.principals import find_principals

    if args.acls:
        return find_principals(declared, args.principals, args.client)
    if args.principals or args.client or args.prune:
        raise InputError("--principals, --client and --prune are about rights: add --acls")
    return []


def _schemas(args: argparse.Namespace) -> int:
    from scarcity.broker import schemas
    from scarcity.broker.declared import find_topics_file, load_topics
    from scarcity.broker.topics_page import page

    declared = load_topics(find_topics_file(args.file, os.environ))
    files = schemas.generate(declared)
    document = schemas.asyncapi(declared)
    told = page(document, {name: schemas.json_schema(name) for name in schemas.EVENTS})
    if args.write:
        schemas.write(args.out, files)
        if args.page:
            args.page.write_text(told, "utf-8")
        print(f"{len(files)} files in {args.out}")
        return 0
    wrong = [str(args.out / name) for name in schemas.differences(args.out, files)]
    if args.page and (not args.page.is_file() or args.page.read_text("utf-8") != told):
        wrong.append(str(args.page))
    if wrong:
        page_option = f" --page {args.page}" if args.page else ""
        print(f"{', '.join(wrong)} differs: run `scarcity schemas --write{page_option}`")
        return 1
    return 0


def _broker_start(args: argparse.Namespace) -> int:
    from scarcity.broker.embedded import EmbeddedKafka

    broker = EmbeddedKafka(args.port, args.data_dir, args.memory, secure=args.secure)
    broker.start()
    print(f"Apache Kafka answers on {broker.bootstrap_servers}; log: {broker.log_file}")
    if args.secure:
        print(f"for users with a password; certificates on {broker.tls_servers} ({args.secure})")
    return 0


def _broker_stop(args: argparse.Namespace) -> int:
    from scarcity.broker.embedded import EmbeddedKafka

    stopped = EmbeddedKafka(data_dir=args.data_dir).stop()
    print("stopped" if stopped else "no broker was running")
    return 0


def _broker_status(args: argparse.Namespace) -> int:
    from scarcity.broker.embedded import EmbeddedKafka, answers

    broker = EmbeddedKafka(data_dir=args.data_dir)
    running = broker.running()
    if running is None:
        print(f"no broker runs on {broker.data_dir}")
        return ExitCode.NOT_WHOLE
    answer = answers(running.port, tls=bool(running.tls_port))
    state = "answers" if answer else "does not answer"
    print(f"pid {running.pid} on 127.0.0.1:{running.port} {state}; log: {broker.log_file}")
    return 0


def _broker_fetch(args: argparse.Namespace) -> int:
    from scarcity.broker import jars

    if args.write_lock:
        args.write_lock.write_text(jars.lock_text(), "utf-8")
    paths = jars.kafka_jars()
    print(f"Apache Kafka {jars.KAFKA_VERSION}: {len(paths)} files present and verified")
    return 0
