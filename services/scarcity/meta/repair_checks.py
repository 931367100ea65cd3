"""Whether a repair fits the domains that it is of."""

from collections.abc import Callable, Mapping

from scarcity.events.errors import EventError, Reason
from scarcity.meta.domain_rounds import DomainRounds
from scarcity.meta.rulings import Repair, check_shapes


def refuse_second_telling(repair: Repair, domains: Mapping[str, DomainRounds]) -> None:
    """Versions of a domain in mode `dp` made again are sums told again: nobody counts them.

    Raises:
        EventError: the repair moves one.
    """
    for name in sorted(repair.domains):
        if (domain := domains.get(name)) is not None and domain.dp is not None:
            raise EventError(
                Reason.OUT_OF_BOUNDS,
                f"domain {name!r} is in privacy mode dp: a repair would tell its rounds a "
                "second time; clients stop counting by a mark, what they taught stays",
            )


def check_repair(repair: Repair, domain_of: Callable[[str], DomainRounds]) -> None:
    """Refuse a repair of other states than are held here.

    Raises:
        EventError: another version, family or shape, or it marks too many.
    """
    for name, (family, state) in repair.domains.items():
        current = domain_of(name)
        version = -1 if current.state is None else current.state.version
        if (current.family, version) != (family, state.version):
            raise EventError(
                Reason.MALFORMED,
                f"the repair is of {name}@{state.version} of family {family}; here is "
                f"{name}@{version} of family {current.family or 'none'}",
            )
        if current.state is not None:
            check_shapes(state, current.state)
        if name in repair.ruling.domains:
            current.check_room(repair.ruling)
