"""What a person asks for: a version, a time, or a stretch of either."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scarcity.audit.chain import Chain, Link
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

_VERSION = re.compile(r"(.+)@(\d{1,15})")


@dataclass(frozen=True)
class VersionName:
    """`<domain>@<version>`."""

    domain: str
    version: int

    def __str__(self) -> str:
        return f"{self.domain}@{self.version}"


@dataclass(frozen=True)
class Moment:
    """A time, milliseconds since 1970."""

    at_ms: int

    def __str__(self) -> str:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Selection:
    """The versions to look at; None is no bound. A bound is a version's number or a time."""

    domain: str | None = None
    first: int | Moment | None = None
    last: int | Moment | None = None

    def contains(self, link: Link) -> bool:
        """Whether an entry is asked for."""
        entry = link.entry
        if self.domain not in (None, entry.domain):
            return False
        if self.first is not None and _value(link, self.first) < _bound(self.first):
            return False
        return self.last is None or _value(link, self.last) <= _bound(self.last)


def _value(link: Link, bound: int | Moment) -> int:
    return link.entry.written_at_ms if isinstance(bound, Moment) else link.entry.version


def _bound(bound: int | Moment) -> int:
    return bound.at_ms if isinstance(bound, Moment) else bound


def parse_version(text: str) -> VersionName:
    """Read `<domain>@<version>`.

    Raises:
        InputError: it is not one.

    >>> parse_version("retail@12")
    VersionName(domain='retail', version=12)
    """
    if (match := _VERSION.fullmatch(text)) is None:
        raise InputError(f"{text!r} is no version; want DOMAIN@NUMBER, e.g. retail@12")
    return VersionName(check_domain(match[1]), int(match[2]))


def parse_moment(text: str) -> Moment:
    """Read a time of ISO 8601; without a zone it is UTC.

    Raises:
        InputError: it is none.

    >>> parse_moment("1970-01-01T00:00:01Z")
    Moment(at_ms=1000)
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text!r} is no time; want ISO 8601, e.g. 2026-01-31T12:00:00Z") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Moment(round(at.timestamp() * 1000))


def parse_bound(text: str) -> int | Moment:
    """Read a version's number or a time.

    Raises:
        InputError: it is neither.

    >>> parse_bound("12"), parse_bound("1970-01-01")
    (12, Moment(at_ms=0))
    """
    if text.isascii() and text.isdigit():
        return int(text[:15])
    return parse_moment(text)


def parse_as_of(text: str) -> VersionName | Moment:
    """Read `<domain>@<version>` or a time.

    Raises:
        InputError: it is neither.
    """
    return parse_version(text) if "@" in text else parse_moment(text)


def find(chain: Chain, name: VersionName) -> int:
    """Index of a version's entry.

    Raises:
        InputError: the ledger does not hold it; says what it holds.
    """
    for at, link in enumerate(chain.links):
        if (link.entry.domain, link.entry.version) == (name.domain, name.version):
            return at
    check_known(chain, name.domain)
    raise InputError(
        f"the ledger holds no {name}; the newest of {name.domain} is {chain.latest(name.domain)}"
    )


def check_known(chain: Chain, domain: str) -> None:
    """Refuse a domain without versions.

    Raises:
        InputError: the ledger holds none of it; names those it holds.
    """
    known = sorted({link.entry.domain for link in chain.links})
    if domain not in known:
        told = ", ".join(known) or "none"
        raise InputError(f"the ledger holds no version of domain {domain!r}; it holds: {told}")


def select(chain: Chain, selection: Selection) -> Sequence[int]:
    """Indices of the entries that are asked for.

    Raises:
        InputError: there are none.
    """
    if selection.domain is not None:
        check_known(chain, selection.domain)
    found = [at for at, link in enumerate(chain.links) if selection.contains(link)]
    if not found and chain.links:
        raise InputError("no version of the ledger lies between --from and --to")
    return found
