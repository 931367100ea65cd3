"""The pages by name."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from scarcity.dashboard.board import Board
from scarcity.dashboard.pages.audit import audit_page
from scarcity.dashboard.pages.clients import client_page, clients_page
from scarcity.dashboard.pages.common import Document, Question, State
from scarcity.dashboard.pages.dead_letters import dead_letters_page
from scarcity.dashboard.pages.domain import domain_page
from scarcity.dashboard.pages.gossip import gossip_page
from scarcity.dashboard.pages.memory import memory_page
from scarcity.dashboard.pages.overview import overview


class Page(NamedTuple):
    """A page.

    Attributes:
        make: its document.
        arguments: what its address may say.
        every_s: how often it is made anew at most; what looks at every client is made less often.
    """

    make: Callable[[Board, State, Question, int], Document]
    arguments: tuple[str, ...] = ()
    every_s: float = 0.2


PAGES: Final[Mapping[str, Page]] = {
    "overview": Page(overview),
    "domain": Page(domain_page, ("domain",), 0.25),
    "gossip": Page(gossip_page, ("domain",), 0.4),
    "memory": Page(memory_page, (), 0.5),
    "clients": Page(clients_page, ("search", "domain", "sort", "page"), 0.5),
    "client": Page(client_page, ("domain", "client"), 0.25),
    "audit": Page(audit_page, ("domain", "before"), 0.25),
    "dead-letters": Page(dead_letters_page, ("reason",), 0.25),
}
MAX_ARGUMENT: Final = 600


def question_of(arguments: Mapping[str, str]) -> Question | None:
    """What is asked for; None when there is no such page or an argument is too long."""
    page = PAGES.get(arguments.get("page_name", ""))
    if page is None:
        return None
    given = tuple((key, arguments[key]) for key in page.arguments if arguments.get(key))
    if any(len(value) > MAX_ARGUMENT for _, value in given):
        return None
    return Question(arguments["page_name"], given)


def make(board: Board, state: State, question: Question, now_ms: int) -> Document:
    """The document of a page."""
    return PAGES[question.name].make(board, state, question, now_ms)
