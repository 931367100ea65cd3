"""`scarcity audit …`: recompute from the topics, or from a bundle, what the services say they did.

Exit codes of `verify`: 0 all equal; 1 something is wrong; 3 nothing is wrong, but not every version
can be recomputed any more.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scarcity.audit.console import load, progress, show
from scarcity.audit.repair_command import add_repair_options, run_repair
from scarcity.broker.commands import add_bootstrap_servers
from scarcity.exit_codes import ExitCode

if TYPE_CHECKING:
    from scarcity.audit.signatures import Trust

WITHOUT_COPY = Path()  # `--bisect` by itself


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit`."""
    parser = commands.add_parser("audit", help="recompute what was learned, from the topics alone")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verify = _add(verbs, "verify", run_verify, "check the ledger, and recompute every version")
    verify.add_argument("--domain", help="this domain only (the chain is always checked whole)")
    verify.add_argument("--from", dest="first", metavar="VERSION|TIME", help="first to look at")
    verify.add_argument("--to", dest="last", metavar="VERSION|TIME", help="last to look at")
    _add_trust(verify)
    verify.add_argument(
        "--bisect",
        nargs="?",
        const=WITHOUT_COPY,
        type=Path,
        metavar="BUNDLE",
        help="halve: find where versions begin to differ for good, from checkpoint to checkpoint; "
        "with a BUNDLE, where its ledger parts from this one",
    )
    explain = _add(verbs, "explain", run_explain, "who contributed what to a version")
    explain.add_argument("version", metavar="DOMAIN@VERSION")
    for parser_of in (verify, explain):
        parser_of.add_argument(
            "--from-checkpoint",
            action="store_true",
            help="begin at the last checkpoint before what is asked for, not at the first version",
        )
    replay = _add(verbs, "replay", run_replay, "memory and meta-parameters as they were")
    replay.add_argument("--as-of", required=True, metavar="TIME|DOMAIN@VERSION")
    replay.add_argument("--out", type=Path, metavar="FILE", help="write the state as JSON")
    other = _add(verbs, "counterfactual", run_counterfactual, "what would have been learned")
    other.add_argument("--without", metavar="CLIENT,…", help="clients whose insights do not count")
    other.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="YAML with `round:` (fields of a round policy) or `learning:` (learning settings)",
    )
    other.add_argument("--domain", help="this domain only")
    add_repair_options(other)
    export = _add(verbs, "export", run_export, "write a bundle that is checked without a broker")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument(
        "--all-insights",
        action="store_true",
        help="also insights that no version used: `replay` of the memory needs them",
    )


def _add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    handler: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=f"{text[:1].upper()}{text[1:]}.")
    parser.add_argument("--offline", type=Path, metavar="BUNDLE", help="read a bundle, no broker")
    parser.add_argument(
        "--settings",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="learning settings that versions were made under, when not the defaults (YAML)",
    )
    add_bootstrap_servers(parser)
    parser.set_defaults(handler=handler)
    return parser


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trusted-keys",
        type=Path,
        metavar="FILE",
        help="public keys of the meta-learner (PEM, several when keys were replaced)",
    )
    parser.add_argument(
        "--operator-keys",
        type=Path,
        metavar="FILE",
        help="public keys of operators, likewise: of rulings, and of the clients' certificates",
    )
    parser.add_argument(
        "--require-signatures", action="store_true", help="an unsigned entry is a fault"
    )
    parser.add_argument(
        "--require-signed-insights", action="store_true", help="so is an unsigned insight"
    )


def run_verify(args: argparse.Namespace) -> int:
    """Verify, print the report, and return the exit code."""
    from scarcity import __version__
    from scarcity.audit.screen import verify_text
    from scarcity.audit.selection import Selection, parse_bound
    from scarcity.audit.verification import verify
    from scarcity.events.errors import InputError

    selection = Selection(
        args.domain,
        parse_bound(args.first) if args.first else None,
        parse_bound(args.last) if args.last else None,
    )
    trust = _trust(args)
    if args.bisect is not None:
        if selection != Selection() or args.from_checkpoint:
            raise InputError("--bisect looks at the whole ledger: give no other selection with it")
        return _bisect(args)
    log, rules = load(args)
    with progress("versions") as on_step:
        report = verify(
            log, selection, rules, on_step, trust=trust, from_checkpoint=args.from_checkpoint
        )
    show(verify_text(report, __version__))
    if not report.is_sound:
        return 1
    return 0 if report.is_complete else ExitCode.NOT_WHOLE


def _trust(args: argparse.Namespace) -> "Trust":
    from scarcity.audit.signatures import Trust
    from scarcity.events.errors import InputError
    from scarcity.keys.files import read_trusted_keys

    if args.require_signatures and args.trusted_keys is None:
        raise InputError("--require-signatures needs --trusted-keys FILE: whose signatures?")
    writers, operators = (
        None if path is None else read_trusted_keys(path)
        for path in (args.trusted_keys, args.operator_keys)
    )
    if args.require_signed_insights and operators is None:
        raise InputError("--require-signed-insights needs --operator-keys FILE: certified by whom?")
    return Trust(writers, operators, args.require_signatures, args.require_signed_insights)


def _bisect(args: argparse.Namespace) -> int:
    from scarcity.audit.bisecting import bisect_checkpoints, bisect_copies
    from scarcity.audit.bundle import read_bundle
    from scarcity.audit.screen import bisection_text, parting_text

    copy = None if args.bisect == WITHOUT_COPY else read_bundle(args.bisect)[0]
    log, rules = load(args)
    with progress("versions") as on_step:
        if copy is not None:
            parting = bisect_copies(log, copy, rules, on_step)
        else:
            found = bisect_checkpoints(log, rules, on_step)
    if copy is not None:
        show(parting_text(parting))
        return 1 if parting else 0
    show(bisection_text(found))
    return 1 if found.differing or found.wrong else 0


def run_explain(args: argparse.Namespace) -> int:
    """Take a version apart and print it."""
    from scarcity.audit.explanation import explain
    from scarcity.audit.screen import explanation_text
    from scarcity.audit.selection import parse_version

    name = parse_version(args.version)
    log, rules = load(args)
    with progress("versions") as on_step:
        explanation = explain(log, name, rules, on_step, from_checkpoint=args.from_checkpoint)
    show(explanation_text(explanation))
    return 0 if explanation.is_equal else 1


def run_replay(args: argparse.Namespace) -> int:
    """Go back, print the state, and write it when asked to."""
    import orjson

    from scarcity.audit.past import past_state, to_document
    from scarcity.audit.screen import past_text
    from scarcity.audit.selection import parse_as_of
    from scarcity.events.errors import InputError
    from scarcity.memory.settings import MemorySettings

    as_of = parse_as_of(args.as_of)
    memory_settings = MemorySettings.from_environment(os.environ)
    log, rules = load(args)
    with progress("versions") as on_step:
        past = past_state(log, as_of, rules, memory_settings, on_step)
    show(past_text(past))
    if args.out is not None:
        try:
            args.out.write_bytes(orjson.dumps(to_document(past), option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise InputError(f"{args.out}: cannot be written: {error}") from None
    return 0


def run_counterfactual(args: argparse.Namespace) -> int:
    """Fold again, otherwise, and print both; publish a repair when asked to."""
    from scarcity.audit.counterfactual import Question, counterfactual
    from scarcity.audit.rules import read_policy
    from scarcity.audit.screen import outcome_text
    from scarcity.events.errors import InputError
    from scarcity.memory.settings import MemorySettings

    without = frozenset(filter(None, (args.without or "").split(",")))
    if args.publish_repair:
        return run_repair(args, without)
    if not without and args.policy is None:
        raise InputError("say what would be different: --without CLIENT,… or --policy FILE")
    policy, settings = read_policy(args.policy) if args.policy else (None, None)
    memory_settings = MemorySettings.from_environment(os.environ)
    question = Question(without, policy, settings, args.domain, memory_settings)
    log, rules = load(args)
    with progress("versions") as on_step:
        outcomes = counterfactual(log, question, rules, on_step)
    show(outcome_text(outcomes))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Write a bundle."""
    from scarcity.audit.bundle import write_bundle

    log, rules = load(args)
    manifest = write_bundle(
        args.file,
        log,
        rules.settings,
        exported_at_ms=int(time.time() * 1000),
        all_insights=args.all_insights,
    )
    records = sum(member.records for member in manifest.members.values())
    print(f"{args.file}: {records} records of {len(manifest.members)} topics")
    print(f"check it with `scarcity audit verify --offline {args.file}`")
    return 0
