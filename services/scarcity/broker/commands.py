"""`scarcity broker …`, `scarcity topics …` and `scarcity schemas …`."""

import argparse
import os
from pathlib import Path

from scarcity.broker.settings import (
    BOOTSTRAP_SERVERS_KEY,
    DEFAULT_BOOTSTRAP_SERVERS,
    KafkaSettings,
    check_servers,
)


def add_bootstrap_servers(parser: argparse.ArgumentParser) -> None:
    """Give a command that talks to Kafka its `--bootstrap-servers`."""
    parser.add_argument(
        "--bootstrap-servers",
        metavar="HOST:PORT,…",
        help=f"the broker (default: {BOOTSTRAP_SERVERS_KEY} or {DEFAULT_BOOTSTRAP_SERVERS})",
    )


def settings_of(args: argparse.Namespace) -> KafkaSettings:
    """Settings from `--bootstrap-servers`, else from the environment.

    Raises:
        InputError: no host:port.
    """
    if args.bootstrap_servers:
        return KafkaSettings(check_servers(args.bootstrap_servers, "--bootstrap-servers"))
    return KafkaSettings.from_environment(os.environ)


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this package's commands to the command line."""
    _register_broker(commands.add_parser("broker", help="a real Apache Kafka on this machine"))
    _register_topics(commands.add_parser("topics", help="compare topics.yaml with a cluster"))
    schemas = commands.add_parser("schemas", help="JSON Schemas and AsyncAPI of the events")
    verb = schemas.add_mutually_exclusive_group(required=True)
    verb.add_argument("--write", action="store_true", help="generate them")
    verb.add_argument("--check", action="store_true", help="exit 1 when they differ")
    schemas.add_argument("--out", type=Path, default=Path("schemas"), help="directory (schemas)")
    _add_file(schemas)
    schemas.set_defaults(handler=_schemas)


def _register_broker(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="start|stop|status|fetch")
    start = verbs.add_parser("start", help="start it and return when it answers")
    start.add_argument("--port", type=int, default=9092, help="port of the loopback (9092)")
    start.add_argument("--memory", type=int, default=512, metavar="MIB", help="Java heap (512)")
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
    verbs = parser.add_subparsers(required=True, metavar="plan|apply|drift")
    helps = {
        "plan": "print what would change",
        "apply": "change it; nothing when a part is refused",
        "drift": "exit 1 when there is a difference",
    }
    for name, text in helps.items():
        verb = verbs.add_parser(name, help=text)
        _add_file(verb)
        verb.add_argument(
            "--domain",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME",
            help="domains beside those of the file",
        )
        add_bootstrap_servers(verb)
        verb.set_defaults(handler=_topics, verb=name)


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--file", type=Path, help="topics file (SCARCITY_TOPICS_FILE, else topics.yaml here)"
    )


def _topics(args: argparse.Namespace) -> int:
    from scarcity.broker.admin import TopicAdmin
    from scarcity.broker.declared import find_topics_file, load_topics

    declared = load_topics(find_topics_file(args.file, os.environ))
    admin = TopicAdmin(settings_of(args))
    plan = admin.plan(declared, args.domain)
    print(*plan.lines(), sep="\n")
    if args.verb == "apply":
        admin.apply(plan)
    return 1 if args.verb == "drift" and plan.changes else 0


def _schemas(args: argparse.Namespace) -> int:
    from scarcity.broker import schemas
    from scarcity.broker.declared import find_topics_file, load_topics

    files = schemas.generate(load_topics(find_topics_file(args.file, os.environ)))
    if args.write:
        schemas.write(args.out, files)
        print(f"{len(files)} files in {args.out}")
        return 0
    if wrong := schemas.differences(args.out, files):
        print(f"{args.out} differs in {', '.join(wrong)}: run `scarcity schemas --write`")
        return 1
    return 0


def _broker_start(args: argparse.Namespace) -> int:
    from scarcity.broker.embedded import EmbeddedKafka

    broker = EmbeddedKafka(args.port, args.data_dir, args.memory)
    broker.start()
    print(f"Apache Kafka answers on {broker.bootstrap_servers}; log: {broker.log_file}")
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
        return 3
    state = "answers" if answers(running.port) else "does not answer"
    print(f"pid {running.pid} on 127.0.0.1:{running.port} {state}; log: {broker.log_file}")
    return 0


def _broker_fetch(args: argparse.Namespace) -> int:
    from scarcity.broker import jars

    if args.write_lock:
        args.write_lock.write_text(jars.lock_text(), "utf-8")
    paths = jars.kafka_jars()
    print(f"Apache Kafka {jars.KAFKA_VERSION}: {len(paths)} files present and verified")
    return 0
