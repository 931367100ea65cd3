"""`scarcity ca`, `enrol`, `revoke` for the operator; `scarcity join` for a client."""

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scarcity.broker.commands import add_bootstrap_servers, settings_of

if TYPE_CHECKING:
    from scarcity.broker.settings import KafkaSettings
    from scarcity.enrolment.office import Office
    from scarcity.events.types import Outgoing

CA_DIR_KEY: Final = "SCARCITY_CA_DIR"
MAX_DAYS: Final = 36_500.0


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands of this package."""
    ca = commands.add_parser("ca", help="the operator's key and register of clients")
    verbs = ca.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="make the key and an empty register, in a directory")
    init.set_defaults(handler=run_init)
    listing = verbs.add_parser("list", help="print the clients that have a certificate")
    listing.set_defaults(handler=run_list)

    secret = verbs.add_parser(
        "memory-key",
        help="make the memory's secret: clients that enrol from now on add a MAC for it",
    )
    secret.add_argument("file", type=Path, metavar="FILE")
    secret.set_defaults(handler=run_memory_key)

    enrol = commands.add_parser(
        "enrol",
        help="invite a client by a token, or sign the request that it answers with",
        description="Without --sign: prints a token for a client, good for one use.",
    )
    enrol.add_argument("client", nargs="?", help="the client's name; the key of its records")
    enrol.add_argument("--domain", help="the only domain that it may publish in")
    enrol.add_argument(
        "--expires", type=float, default=365.0, metavar="DAYS", help="of the certificate (365)"
    )
    enrol.add_argument(
        "--epsilon",
        type=float,
        metavar="LIMIT",
        help="refuse insights that declare more privacy spent than this",
    )
    enrol.add_argument(
        "--token-days", type=float, default=7.0, metavar="DAYS", help="the token is good for (7)"
    )
    enrol.add_argument(
        "--sign", type=Path, metavar="REQUEST", help="sign a client's request; writes CLIENT.cert"
    )
    enrol.add_argument("--out", type=Path, metavar="FILE", help="write token or certificate here")
    enrol.set_defaults(handler=run_enrol)

    join = commands.add_parser(
        "join",
        help="make a client's key, and get its certificate",
        description="With a token: makes the key and a request for the operator. The private key "
        "never leaves the directory.",
    )
    join.add_argument("token", nargs="?", help="the operator's token, or a file that holds it")
    join.add_argument(
        "--certificate", type=Path, metavar="FILE", help="take the certificate that came back"
    )
    join.add_argument("--renew", action="store_true", help="ask for the next certificate")
    join.add_argument("--again", action="store_true", help="with a token: begin anew")
    join.add_argument(
        "--identity", type=Path, metavar="DIR", help="the identity; else SCARCITY_IDENTITY_DIR"
    )
    join.set_defaults(handler=run_join)

    revoke = commands.add_parser("revoke", help="take a client's certificates back, at once")
    revoke.add_argument("client")
    revoke.add_argument("--domain", required=True)
    revoke.add_argument("--reason", default="", help="told with every record that is refused")
    add_bootstrap_servers(revoke)
    revoke.set_defaults(handler=run_revoke)

    for parser in (init, listing, secret, enrol, revoke):
        parser.add_argument(
            "--ca", type=Path, metavar="DIR", help=f"the operator's directory; else {CA_DIR_KEY}"
        )


def run_init(args: argparse.Namespace) -> int:
    """`scarcity ca init`."""
    from scarcity.enrolment.office import KEY_FILE, REGISTER_FILE, open_office

    directory = _directory(args.ca, CA_DIR_KEY, "--ca")
    office = open_office(directory)
    print(f"{directory / KEY_FILE}: the operator's private key; keep it off the network")
    print(f"{directory / KEY_FILE}.pub: its public half: SCARCITY_OPERATOR_KEYS_FILE of services")
    print(f"{directory / REGISTER_FILE}: who was invited and certified; back it up with the key")
    print(f"key id {office.key.public.key_id}")
    return 0


def run_memory_key(args: argparse.Namespace) -> int:
    """`scarcity ca memory-key`."""
    from scarcity.keys.operators import MEMORY_SECRET_FILE_KEY

    _office(args).make_memory_key(args.file)
    print(f"{args.file}: the memory's secret: {MEMORY_SECRET_FILE_KEY} of all memory workers")
    print("clients learn its public half with their next certificate")
    return 0


def run_list(args: argparse.Namespace) -> int:
    """`scarcity ca list`."""
    from scarcity.broker.clock import now_ms
    from scarcity.keys.certificate import day

    clients = _office(args).register().clients
    if not clients:
        print("no client has a certificate yet: `scarcity enrol` invites one", file=sys.stderr)
    at_ms = now_ms()
    for name, client in sorted(clients.items()):
        told = client.newest
        state = "expired" if told.expires_at_ms < at_ms else "until"
        state = "REVOKED, was until" if client.is_revoked else state
        limit = "" if told.epsilon_limit is None else f", epsilon up to {told.epsilon_limit:g}"
        print(
            f"{told.domain}: {name}, serial {told.serial}, {state} {day(told.expires_at_ms)}{limit}"
        )
    return 0


def run_enrol(args: argparse.Namespace) -> int:
    """`scarcity enrol`: a token, or with --sign a certificate."""
    from scarcity.broker.clock import now_ms
    from scarcity.enrolment.office import Terms
    from scarcity.events.errors import InputError
    from scarcity.events.topics import check_domain

    if args.sign is not None:
        return _sign(args)
    if not args.client or not args.domain:
        raise InputError("give CLIENT and --domain, or --sign REQUEST")
    for name, value in (("--expires", args.expires), ("--token-days", args.token_days)):
        if not 0 < value <= MAX_DAYS:
            raise InputError(f"{name} {value:g}: want days, above 0 and at most {MAX_DAYS:g}")
    if args.epsilon is not None and not 0 < args.epsilon <= 1e6:
        raise InputError(f"--epsilon {args.epsilon:g}: want a number above 0, at most 1e6")
    token = _office(args).invite(
        args.client,
        check_domain(args.domain),
        Terms(args.expires, args.epsilon),
        token_days=args.token_days,
        now_ms=now_ms(),
    )
    if args.out is None:
        print(token)
        return 0
    # A token is a secret until it is used: whoever brings it first gets the certificate.
    _write_closed(args.out, token + "\n")
    print(f"{args.out}: the token; the client runs `scarcity join` with it")
    return 0


def _sign(args: argparse.Namespace) -> int:
    from scarcity.broker.clock import now_ms
    from scarcity.events.errors import InputError
    from scarcity.keys.certificate import read_certificate
    from scarcity.keys.identity import certificate_text, identity_directory, read_text

    try:
        office = _office(args)
        raw = office.sign(read_text(args.sign), now_ms=now_ms())
    except InputError as error:
        raise InputError(f"{args.sign}: {error}") from None
    told = read_certificate(raw)
    out = args.out or identity_directory(Path(), told.client_id + ".cert")
    _write_closed(out, certificate_text(raw, office.memory_key()))
    print(f"{out}: {told.describe()}")
    print(f"the client takes it by `scarcity join --certificate {out.name}`")
    return 0


def run_join(args: argparse.Namespace) -> int:
    """`scarcity join`: a request, or with --certificate the end of it."""
    from scarcity.broker.clock import now_ms
    from scarcity.enrolment.joining import install, join, renew
    from scarcity.events.errors import InputError
    from scarcity.keys.identity import IDENTITY_DIR_KEY, describe, read_identity

    directory = _directory(args.identity, IDENTITY_DIR_KEY, "--identity")
    ways = [bool(args.token), args.certificate is not None, args.renew]
    if sum(ways) > 1:
        raise InputError("give one of: TOKEN, --certificate FILE, --renew")
    if args.certificate is not None:
        print(f"{directory}: joined: {describe(install(directory, args.certificate), now_ms())}")
        return 0
    if not any(ways):
        print(f"{directory}: {describe(read_identity(directory).certificate, now_ms())}")
        return 0
    request = (
        renew(directory) if args.renew else join(directory, _token(args.token), again=args.again)
    )
    print(f"{request}: send this file to the operator; it holds no secret")
    print("what comes back: `scarcity join --certificate FILE`")
    return 0


def _token(given: str) -> str:
    from scarcity.enrolment.papers import TOKEN_PREFIX
    from scarcity.keys.identity import read_text

    return given if given.startswith(TOKEN_PREFIX) else read_text(Path(given))


def run_revoke(args: argparse.Namespace) -> int:
    """`scarcity revoke`; returns once the broker has it."""
    from scarcity.broker.clock import now_ms
    from scarcity.enrolment.revoking import revocation_record, signed_revocation
    from scarcity.events.errors import InputError
    from scarcity.events.topics import check_domain

    office, at_ms = _office(args), now_ms()
    known = office.register().clients.get(args.client)
    if known is not None and known.newest.domain != args.domain:
        raise InputError(f"client {args.client!r} is enrolled in domain {known.newest.domain!r}")
    # Serials follow the clock, so that now is above all that were given out.
    serial = at_ms // 1000 if known is None else known.newest.serial
    told = signed_revocation(
        args.client,
        check_domain(args.domain),
        serial,
        args.reason,
        key=office.key,
        now_ms=at_ms,
    )
    asyncio.run(_publish(settings_of(args), revocation_record(told)))
    office.note_revocation(told)
    print(f"client {args.client!r} of domain {args.domain!r}: certificates up to {serial} revoked")
    if known is None:
        print("it is not in this register: was the name right?", file=sys.stderr)
    return 0


async def _publish(settings: "KafkaSettings", outgoing: "Outgoing") -> None:
    from scarcity.broker.kafka import KafkaBroker

    async with KafkaBroker(settings, client_id="scarcity-revoke") as broker:
        await broker.publish(outgoing)


def _office(args: argparse.Namespace) -> "Office":
    from scarcity.enrolment.office import Office

    return Office(_directory(args.ca, CA_DIR_KEY, "--ca"))


def _directory(given: Path | None, key: str, option: str) -> Path:
    from scarcity.events.errors import InputError

    path = given or os.environ.get(key)
    if not path:
        raise InputError(f"give {option} DIR or {key}")
    return Path(path)


def _write_closed(path: Path, text: str) -> None:
    from scarcity.events.errors import InputError

    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
