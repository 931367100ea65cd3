"""Completes a profile whose scaling is `estimated`, from what clients told at registration."""

from collections.abc import Iterable, Mapping
from math import fsum, isfinite, sqrt

import msgspec

from scarcity.events.client_registered import ClientRegistered, Moments
from scarcity.events.domain_profile import Column, DomainProfile

SMALLEST_SCALE = 1e-12  # below it a column is taken for constant and left as wide as it is


def estimate(
    profile: DomainProfile, registered: Iterable[ClientRegistered]
) -> DomainProfile | None:
    """Fill in centre and scale of every column that lacks them.

    The first ``policy.min_clients`` registrations count, by registration time and then by
    client_id: the same ones whatever order they were read in. Registrations without usable moments
    of every such column are passed over.

    Returns:
        The complete profile; None while fewer than min_clients registrations can be used.

    >>> from scarcity.events.ledger_entry import RoundPolicy
    >>> column = {"x": Moments(2, 4.0, 10.0), "y": Moments(2, 0.0, 2.0)}
    >>> one = ClientRegistered("a", "d", rows=2, registered_at_ms=0, moments=column)
    >>> policy = RoundPolicy(min_clients=1)
    >>> p = DomainProfile("d", "f", (Column("x"),), Column("y"), "estimated", policy=policy)
    >>> estimate(p, [one]).features
    (Column(name='x', center=2.0, scale=1.0),)
    """
    missing = [c.name for c in profile.columns if c.center is None or c.scale is None]
    usable = [r for r in registered if _is_usable(r, missing)]
    usable.sort(key=lambda r: (r.registered_at_ms, r.client_id))
    first = usable[: profile.policy.min_clients]
    if len(first) < profile.policy.min_clients:
        return None
    scaling = {name: _center_and_scale([r.moments[name] for r in first]) for name in missing}
    return with_scaling(profile, scaling)


def with_scaling(
    profile: DomainProfile, scaling: Mapping[str, tuple[float, float]]
) -> DomainProfile:
    """Fill in (centre, scale) by column name; what the operator declared stays."""

    def fill(column: Column) -> Column:
        if column.name not in scaling:
            return column
        center, scale = scaling[column.name]
        return Column(
            column.name,
            center if column.center is None else column.center,
            scale if column.scale is None else column.scale,
        )

    features = tuple(fill(column) for column in profile.features)
    return msgspec.structs.replace(profile, features=features, target=fill(profile.target))


def _is_usable(registered: ClientRegistered, names: list[str]) -> bool:
    moments = [registered.moments.get(name) for name in names]
    return all(
        m is not None and m.count > 0 and isfinite(m.total) and isfinite(m.total_squares)
        for m in moments
    )


def _center_and_scale(moments: list[Moments]) -> tuple[float, float]:
    count = sum(m.count for m in moments)
    center = fsum(m.total for m in moments) / count
    variance = fsum(m.total_squares for m in moments) / count - center * center
    scale = sqrt(variance) if variance > SMALLEST_SCALE**2 else 1.0
    # Finite moments can still overflow on the way; such a column is left as it is.
    return (center, scale) if isfinite(center) and isfinite(scale) else (0.0, 1.0)
