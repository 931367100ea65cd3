"""Who may do what on the broker, from `services:` and `quotas:` of topics.yaml. Pure.

A role is a name of `services:`. Whoever logs in as a role may read what it consumes and write what
it produces, and no more: nobody but the administrator makes or deletes topics. A role with
`domains: own` has the topics of the domains that its principal is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from scarcity.broker.declared import DOMAIN_MARK, Declared, ServiceTopics
from scarcity.events.errors import InputError
from scarcity.events.topics import check_domain

PREFIX_MARK: Final = "*"  # at the end of a name in topics.yaml
ANYONE: Final = "*"


@dataclass(frozen=True, order=True)
class Acl:
    """One right, as Kafka keeps it.

    Attributes:
        principal: `User:NAME`.
        resource: `topic`, `group`, `transactional-id`, or another of Kafka's.
        pattern: `literal`, or `prefixed`: all names that begin with ``name``.
        operation: `Read`, `Write`, `Describe`, …; the first two hold Describe within them.
        permission: `Allow` or `Deny`.
        host: where it may come from.
    """

    principal: str
    resource: str
    name: str
    pattern: str
    operation: str
    permission: str = "Allow"
    host: str = ANYONE


@dataclass(frozen=True)
class Principal:
    """One who logs in.

    Attributes:
        name: the user, or the CN of a certificate.
        role: name of a service of topics.yaml.
        domains: for a role with `domains: own`.
    """

    name: str
    role: str
    domains: tuple[str, ...] = ()

    @property
    def kafka_name(self) -> str:
        """As Kafka writes it."""
        return f"User:{self.name}"


def acls_of(
    declared: Declared, role: str, principal: str, domains: Iterable[str] | None = None
) -> list[Acl]:
    """Rights of a role, sorted.

    Args:
        principal: `User:NAME`.
        domains: for a role with `domains: own`; others have those of all domains, later ones too.

    Raises:
        InputError: no such role, a name cannot be a domain, or domains are missing or too many.
    """
    service = _service(declared, role)
    own = _check_domains(role, service, domains)
    wanted = [(name, "Read") for name in service.consumes]
    wanted += [(name, "Write") for name in service.produces]
    acls = [
        Acl(principal, "topic", name, pattern, operation)
        for topic, operation in wanted
        for name, pattern in _names(topic, own)
    ]
    for resource, names, operation in (
        ("group", service.groups, "Read"),
        ("group", service.watches, "Describe"),
        ("transactional-id", service.transactions, "Write"),
    ):
        acls += [Acl(principal, resource, *_pattern(name), operation) for name in names]
    return sorted(set(acls))


def _service(declared: Declared, role: str) -> ServiceTopics:
    if role not in declared.services:
        known = ", ".join(sorted(declared.services))
        raise InputError(f"{role!r} is no service of the topics file; one of: {known}")
    return declared.services[role]


def _check_domains(
    role: str, service: ServiceTopics, domains: Iterable[str] | None
) -> tuple[str, ...] | None:
    own = tuple(check_domain(domain) for domain in domains or ())
    if own and not service.own_domains:
        raise InputError(f"{role} serves all domains: it is given none of its own")
    if service.own_domains and not own:
        raise InputError(f"{role} has the topics of its own domains: name at least one")
    return own or None


def _names(topic: str, own: Sequence[str] | None) -> list[tuple[str, str]]:
    if not topic.endswith(DOMAIN_MARK):
        return [(topic, "literal")]
    if own is None:
        return [(topic.removesuffix(DOMAIN_MARK), "prefixed")]
    return [(topic.replace(DOMAIN_MARK, domain), "literal") for domain in own]


def _pattern(name: str) -> tuple[str, str]:
    prefix = name.removesuffix(PREFIX_MARK)
    return (prefix, "literal" if prefix == name else "prefixed")


def all_acls(declared: Declared, principals: Iterable[Principal]) -> frozenset[Acl]:
    """Rights of all principals; raises as :func:`acls_of`."""
    return frozenset(
        acl for p in principals for acl in acls_of(declared, p.role, p.kafka_name, p.domains)
    )


def all_quotas(
    declared: Declared, principals: Iterable[Principal]
) -> dict[str, Mapping[str, float]]:
    """Limits of each principal by name; empty for one whose role has none."""
    return {p.name: declared.quotas.get(p.role, {}) for p in principals}


class QuotaChange(NamedTuple):
    """Limits of a user that differ; None takes one away."""

    user: str
    new: Mapping[str, float | None]
    old: Mapping[str, float]

    def __str__(self) -> str:
        parts = [
            f"{name} {_number(self.old.get(name))} -> {_number(value)}"
            for name, value in sorted(self.new.items())
        ]
        return f"~ User:{self.user}: {', '.join(parts)}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"


@dataclass(frozen=True)
class AccessPlan:
    """What must change so that a cluster gives everyone just their rights.

    Attributes:
        unknown: rights on our topics of those who are not declared, and refusals (`Deny`) that an
            administrator has set: left alone, unless ``pruned``.
    """

    add: tuple[Acl, ...] = ()
    remove: tuple[Acl, ...] = ()
    quotas: tuple[QuotaChange, ...] = ()
    unknown: tuple[Acl, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Whether there is something to carry out."""
        return bool(self.add or self.remove or self.quotas)

    def lines(self) -> list[str]:
        """The plan for a person."""
        lines = _told("+", self.add) + _told("-", self.remove)
        lines += [str(change) for change in self.quotas]
        lines = lines or ["no differences in rights"]
        return lines + _told("  not declared, left alone:", self.unknown)


def _told(mark: str, acls: Iterable[Acl]) -> list[str]:
    by_place: dict[tuple[str, ...], list[str]] = {}
    for a in sorted(acls):
        name = a.name + (PREFIX_MARK if a.pattern == "prefixed" else "")
        where = "" if a.host == ANYONE else f" from {a.host}"
        verb = "may" if a.permission == "Allow" else "may not"
        key = (a.principal, verb, f"{a.resource} {name}{where}")
        by_place.setdefault(key, []).append(a.operation.lower())
    return [
        f"{mark} {principal} {verb} {' and '.join(operations)} {place}"
        for (principal, verb, place), operations in by_place.items()
    ]


def plan_access(
    declared: Declared,
    principals: Sequence[Principal],
    live: Iterable[Acl],
    live_quotas: Mapping[str, Mapping[str, float]],
    *,
    prune: bool = False,
) -> AccessPlan:
    """Compare what is declared with what a cluster has.

    Args:
        live: all rights of the cluster; those that do not touch anything of ours are passed over.
        live_quotas: limits of users, by user.
        prune: take the rights of those who are not declared, too.

    Raises:
        InputError: as :func:`acls_of`.
    """
    desired = all_acls(declared, principals)
    names = {p.kafka_name for p in principals}
    extra = [a for a in live if a not in desired and _is_ours(declared, a, names)]
    known = [a for a in extra if a.permission == "Allow" and (prune or a.principal in names)]
    return AccessPlan(
        tuple(sorted(desired.difference(live))),
        tuple(sorted(known)),
        tuple(_quota_changes(all_quotas(declared, principals), live_quotas)),
        tuple(sorted(set(extra).difference(known))),
    )


def _is_ours(declared: Declared, acl: Acl, names: Iterable[str]) -> bool:
    """Whether a right is of one of our principals, or touches a name that we use."""
    if acl.principal in names or acl.name == ANYONE:
        return True
    services = declared.services.values()
    used = {
        "topic": [topic.name.replace(DOMAIN_MARK, PREFIX_MARK) for topic in declared.topics],
        "group": [group for service in services for group in service.groups],
        "transactional-id": [name for service in services for name in service.transactions],
    }
    return any(_overlaps(acl, *_pattern(name)) for name in used.get(acl.resource, []))


def _overlaps(acl: Acl, name: str, pattern: str) -> bool:
    if acl.pattern == "prefixed" and name.startswith(acl.name):
        return True
    return acl.name == name or (pattern == "prefixed" and acl.name.startswith(name))


def _quota_changes(
    desired: Mapping[str, Mapping[str, float]], live: Mapping[str, Mapping[str, float]]
) -> list[QuotaChange]:
    changes = []
    for user, limits in sorted(desired.items()):
        there = live.get(user, {})
        new: dict[str, float | None] = {n: v for n, v in limits.items() if there.get(n) != v}
        new |= dict.fromkeys(there.keys() - limits.keys())
        if new:
            changes.append(QuotaChange(user, new, there))
    return changes
