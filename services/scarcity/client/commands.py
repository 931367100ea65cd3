"""`scarcity client`: parse, read the files, hand over to the hosts."""

import argparse
import asyncio
import os
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from scarcity.broker.clock import now_ms
from scarcity.broker.commands import add_bootstrap_servers, settings_of
from scarcity.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scarcity.broker.settings import KafkaSettings
    from scarcity.client.settings import Pacing
    from scarcity.keys.gossip_keys import GossipKeys
    from scarcity.keys.record_signing import Identity, RecordVerifier


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `client`."""
    client = commands.add_parser(
        "client",
        help="take part in a domain with the rows of a CSV file",
        description="Learns on the rows of a file and publishes losses, never rows.",
    )
    client.add_argument("--data", type=Path, required=True, help="CSV file; line 1 names columns")
    client.add_argument("--domain", required=True, help="domain whose profile names the columns")
    client.add_argument("--target", help="the column to predict; must be the domain's")
    client.add_argument("--entity", help="column of which each value is a client of its own")
    client.add_argument("--id", help="client's name, or with --entity what names begin with")
    client.add_argument(
        "--interval-s",
        type=float,
        help="publish again after so long without a newer version (default 15); with "
        "--evaluate: least time between two evaluations (default 1)",
    )
    client.add_argument(
        "--clients-per-round", type=int, help="with --entity: clients drawn for each version"
    )
    client.add_argument(
        "--epsilon",
        type=float,
        metavar="LIMIT",
        help="privacy mode dp: publish nothing beyond this epsilon; the domain's own limit holds "
        "too",
    )
    client.add_argument(
        "--identity",
        type=Path,
        metavar="DIR",
        help="sign what is published: directory that `scarcity join` made, or one with such a "
        "directory a client; else SCARCITY_IDENTITY_DIR",
    )
    client.add_argument(
        "--evaluate",
        action="store_true",
        help="take no part: judge each version on these rows, and publish the errors",
    )
    add_bootstrap_servers(client)
    client.set_defaults(handler=run_client)


def run_client(args: argparse.Namespace) -> int:
    """`scarcity client`; returns after SIGINT or SIGTERM."""
    from scarcity.broker.logs import configure_logging
    from scarcity.client.settings import Pacing
    from scarcity.events.topics import check_domain
    from scarcity.health.stopping import stop_at_once_on_sigterm

    stop_at_once_on_sigterm()
    check_domain(args.domain)
    usual_s = 1.0 if args.evaluate else Pacing.interval_s
    pacing = Pacing(
        interval_s=usual_s if args.interval_s is None else args.interval_s,
        clients_per_round=args.clients_per_round,
    )
    settings = settings_of(args, waits=True)
    configure_logging(debug=bool(os.environ.get("SCARCITY_DEBUG")), service="client")
    codes: list[ExitCode] = []
    try:
        asyncio.run(_until_stopped(settings, args, pacing, codes.append))
    except asyncio.CancelledError:
        return codes[0] if codes else ExitCode.DONE
    return ExitCode.DONE


async def _until_stopped(
    settings: "KafkaSettings",
    args: argparse.Namespace,
    pacing: "Pacing",
    stopped: "Callable[[ExitCode], None]",
) -> None:
    import torch

    from scarcity.broker.kafka import KafkaBroker
    from scarcity.client.core import ClientGroup
    from scarcity.client.domain_commands import profile_of
    from scarcity.client.evaluation_host import EvaluationHost
    from scarcity.client.noising import SECRET_BYTES, Discretion
    from scarcity.client.service import ClientHost
    from scarcity.client.signing import within_certificates
    from scarcity.client.table import check_readable, read_clients
    from scarcity.configuration.startup import log_settings
    from scarcity.events.errors import InputError
    from scarcity.health.heartbeat import READY, beating, heartbeat_file
    from scarcity.health.stopping import leave_in_any_case
    from scarcity.telemetry.otlp import spans_of

    torch.set_num_threads(1)
    task = asyncio.current_task()
    assert task is not None

    def stop(code: ExitCode) -> None:
        stopped(code)
        leave_in_any_case(code)
        task.cancel()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, ExitCode.DONE)
    loop.add_signal_handler(signal.SIGINT, stop, ExitCode.INTERRUPTED)
    check_readable(args.data, target=args.target, entity=args.entity)
    host: ClientHost | EvaluationHost | None = None
    async with (
        beating(
            heartbeat_file(os.environ),
            lambda: READY if host is not None and host.is_ready else "starts",
        ),
        KafkaBroker(settings, client_id=f"scarcity-client-{args.domain}") as broker,
    ):
        profile = await profile_of(broker, args.domain)
        if args.evaluate and profile.privacy in ("dp", "secagg"):
            raise InputError(
                f"domain {args.domain!r} is in privacy mode {profile.privacy}: --evaluate would "
                "publish errors of these rows as they are"
            )
        rows = read_clients(
            args.data, profile, target=args.target, entity=args.entity, client_id=args.id
        )
        # Not before: what a person got wrong is one line.
        log_settings("client", args.environment)
        if args.evaluate:
            host = EvaluationHost(broker, profile, rows, pacing, now_ms=now_ms)
        else:
            identities, keys, verifier = trust_of(args, rows)
            discretion = Discretion(secrets.token_bytes(SECRET_BYTES), args.epsilon)
            discretion = within_certificates(discretion, identities)
            group = ClientGroup(profile, rows, discretion=discretion)
            host = ClientHost(
                broker,
                group,
                pacing,
                now_ms=now_ms,
                keys=keys,
                verifier=verifier,
                identities=identities,
                spans=spans_of(os.environ, "client"),
            )
        # Not sooner: what is wrong with the file or the domain is told on one line.
        log_settings("client", args.environment)
        await host.run()


def trust_of(
    args: argparse.Namespace, clients: "Iterable[str]"
) -> "tuple[Mapping[str, Identity], Mapping[str, GossipKeys] | None, RecordVerifier | None]":
    """Identities, gossip keys and the verifier of peers, as options and environment name them.

    Raises:
        InputError: an identity is missing, of somebody else, or has expired.
    """
    from scarcity.keys.gossip_keys import keys_of_identities
    from scarcity.keys.identity import IDENTITY_DIR_KEY, check_not_expired, read_identities
    from scarcity.keys.operators import read_operator_keys
    from scarcity.keys.record_signing import RecordVerifier

    operators = read_operator_keys(os.environ)
    verifier = RecordVerifier(operators) if operators else None
    root = args.identity or os.environ.get(IDENTITY_DIR_KEY)
    if not root:
        return {}, None, verifier
    identities = read_identities(Path(root), args.domain, clients)
    check_not_expired(identities.values(), now_ms())
    return identities, keys_of_identities(Path(root), identities), verifier
