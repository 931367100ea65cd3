"""`scarcity keys`: make a signing key, and say which key a file holds."""

import argparse
from pathlib import Path


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys`."""
    keys = commands.add_parser("keys", help="signing keys of the meta-learner and of operators")
    verbs = keys.add_subparsers(required=True, metavar="VERB")
    make = verbs.add_parser("make", help="make an Ed25519 key: FILE, and FILE.pub to hand out")
    make.add_argument("file", type=Path, metavar="FILE")
    make.set_defaults(handler=run_make)
    show = verbs.add_parser("show", help="print the ids of the keys that a file holds")
    show.add_argument("file", type=Path, metavar="FILE")
    show.set_defaults(handler=run_show)


def run_make(args: argparse.Namespace) -> int:
    """Make a key and say where its halves lie."""
    from scarcity.keys.files import write_key
    from scarcity.keys.signing import SigningKey

    key = SigningKey.make()
    public = write_key(args.file, key)
    print(f"{args.file}: the private key; keep it to those who sign")
    print(f"{public}: its public half, for those who check")
    print(f"key id {key.public.key_id}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Print key ids, one a line."""
    from scarcity.keys.files import read_ids

    print("\n".join(read_ids(args.file)))
    return 0
