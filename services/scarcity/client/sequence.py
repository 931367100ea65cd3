"""Numbers a client's insights so that each is newer than all before, also after a restart.

A client has no disk. The number's high part is the second of the client's registration, and that
never stands still or goes back: a restart reads the last registration from the topic `clients`
and takes at least one second more, whatever the clock says.
"""

INSIGHTS_PER_SECOND = 2**20  # a number stays below 2**53, exact in any JSON reader, until 2242


def registration_time_ms(now_ms: int, previous_ms: int | None) -> int:
    """Time of a client's next registration: whole seconds, later than its previous one.

    >>> registration_time_ms(5_700, None), registration_time_ms(5_700, 5_000)
    (5000, 6000)
    >>> registration_time_ms(5_700, 90_000)  # the clock was set back
    91000
    """
    now_s = now_ms // 1000
    return 1000 * (now_s if previous_ms is None else max(now_s, previous_ms // 1000 + 1))


def first_sequence(registered_at_ms: int) -> int:
    """Number of the first insight after a registration.

    >>> first_sequence(2_000) - first_sequence(1_000) == INSIGHTS_PER_SECOND
    True
    """
    return registered_at_ms // 1000 * INSIGHTS_PER_SECOND
