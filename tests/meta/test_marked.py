"""Who is marked, as the ledger tells it."""

import msgspec
from tests.meta.feeding import entries, profile, started

from scarcity.events.standing import Lift, Mark
from scarcity.meta.marked import marked_clients


def test_marks_hold_until_they_are_lifted() -> None:
    _, made = started(profile("retail"), profile("bakery"))
    bakery, retail = entries(made)
    marks = [Mark("a", "check", 0, 4, 6.5), Mark("b", "operator", ruling=0)]
    told = [
        bakery,
        msgspec.structs.replace(retail, marks=marks),
        msgspec.structs.replace(retail, version=1, lifted=[Lift("a", 1)]),
    ]
    assert marked_clients(told) == {"bakery": {}, "retail": {"b": (marks[1], 0)}}
    again = msgspec.structs.replace(retail, version=2, lifted=[Lift("b", 2)], marks=[marks[0]])
    assert marked_clients([*told, again])["retail"] == {"a": (marks[0], 2)}
