"""The operator's key on a command line: rulings are signed with it."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from scarcity.keys.signing import SigningKey

OPERATOR_KEY_KEY: Final = "SCARCITY_OPERATOR_KEY"


def add_operator_key(parser: argparse.ArgumentParser) -> None:
    """The option that names an operator's key."""
    parser.add_argument(
        "--operator-key",
        type=Path,
        metavar="FILE",
        help=f"the operator's private key (`scarcity keys make`); else {OPERATOR_KEY_KEY}",
    )


def read_operator_key(args: argparse.Namespace) -> "SigningKey":
    """The key that a ruling is signed with.

    Raises:
        InputError: none was given, or it cannot be read.
    """
    from scarcity.events.errors import InputError
    from scarcity.keys.files import read_signing_key

    path = args.operator_key or os.environ.get(OPERATOR_KEY_KEY)
    if not path:
        raise InputError(f"a ruling is signed: give --operator-key FILE or {OPERATOR_KEY_KEY}")
    return read_signing_key(Path(path))
