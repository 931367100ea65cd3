"""`scarcity doctor`."""

import argparse
import asyncio
import json
import os
import time

from aiokafka.errors import KafkaError

from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.broker.declared import Declared, find_topics_file, load_topics
from scarcity.broker.embedded_files import default_data_dir
from scarcity.broker.settings import KafkaSettings
from scarcity.doctor import cluster, machine
from scarcity.doctor.finding import Finding, Verdict, as_json, as_lines, exit_code
from scarcity.events.errors import InputError
from scarcity.events.topics import GLOBAL_MEMORY, insights_topic
from scarcity.monitor.settings import DEFAULT_PORT


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `scarcity doctor`."""
    parser = commands.add_parser(
        "doctor", help="check Python, Java, ports, disk, broker, topics and clock"
    )
    add_bootstrap_servers(parser)
    parser.add_argument("--json", action="store_true", help="a list of findings")
    parser.set_defaults(handler=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    findings = examine(settings_of(args))
    if args.json:
        print(json.dumps(as_json(findings), indent=2))
    else:
        print(*as_lines(findings), sep="\n")
    return exit_code(findings)


def examine(settings: KafkaSettings) -> list[Finding]:
    """All checks, those of the machine first."""
    broker = asyncio.run(cluster.check_broker(settings))
    answers = broker.verdict is Verdict.OK
    ports = {"broker": machine.BROKER_PORT, "the monitor": DEFAULT_PORT}
    findings = [
        machine.check_python(machine.this_python()),
        machine.check_packages(),
        machine.check_java(machine.packaged_java),
        *machine.check_ports(ports, answers),
        machine.check_disk(default_data_dir()),
        broker,
    ]
    if not answers:
        why = "no broker to ask"
        return [*findings, *(Finding(c, Verdict.SKIPPED, why) for c in ("topics", "clock"))]
    try:
        declared = load_topics(find_topics_file(None, os.environ))
    except InputError as error:
        findings.append(Finding("topics", Verdict.WARNING, str(error)))
    else:
        findings.append(cluster.check_topics(settings, declared))
        findings.append(_clock(settings, declared))
    return findings


def _clock(settings: KafkaSettings, declared: Declared) -> Finding:
    topics = [GLOBAL_MEMORY, *(insights_topic(domain) for domain in declared.domains)]
    try:
        newest = asyncio.run(cluster.newest_append_ms(settings, topics))
    except KafkaError as error:
        return Finding("clock", Verdict.SKIPPED, f"no topic may be read: {type(error).__name__}")
    return cluster.judge_clock(newest, int(time.time() * 1000))
