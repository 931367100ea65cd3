"""The blocks of a Markdown page, and what their info strings say of them.

```sh                                run in order, in one directory; must exit 0
```sh exit=2                         must exit with that code
```sh background until="words"       runs on; the next block waits for these words
```sh skip="why"                     not run here
```python file=name.py               written to that file (any language)
```text                              what the block before printed: each line's parts around … in it
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(.*)$")
# What begins a command: in a block without a language it would never be run.
COMMANDS = ("scarcity ", "make ", "python ", "docker ", "helm ", "pip ")


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is of its fence, 1 is the first."""

    page: str
    line: int
    language: str
    options: dict[str, str]
    text: str

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.page} line {self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as d:
    ...     page = Path(d) / "x.md"
    ...     _ = page.write_text('hi\\n```sh exit=2 skip="not here"\\nls\\n```\\n')
    ...     [(b.language, b.options, b.text) for b in blocks_of(page)]
    [('sh', {'exit': '2', 'skip': 'not here'}, 'ls')]
    """
    blocks: list[Block] = []
    inside: list[str] | None = None
    started, info = 0, ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fence = _FENCE.match(line.strip())
        if inside is None and fence:
            started, info, inside = number, fence[1], []
        elif inside is not None and fence and not fence[1]:
            language, options = _told(info)
            blocks.append(Block(page.name, started, language, options, "\n".join(inside)))
            inside = None
        elif inside is not None:
            inside.append(line)
    return blocks


def _told(info: str) -> tuple[str, dict[str, str]]:
    words = shlex.split(info)
    if not words:
        return "", {}
    options = {}
    for word in words[1:]:
        name, _, value = word.partition("=")
        options[name] = value
    return words[0], options


def expects(text: str, printed: str) -> list[str]:
    """Lines of a text block that were not printed.

    >>> expects("3 rows … done", "read 3 rows of x.csv: done")
    []
    >>> expects("4 rows", "read 3 rows")
    ['4 rows']
    """
    plain = " ".join(printed.split())
    return [line for line in text.splitlines() if not _is_in(line, plain)]


def _is_in(line: str, plain: str) -> bool:
    at = 0
    for part in line.split("…"):
        wanted = " ".join(part.split())
        at = plain.find(wanted, at)
        if at < 0:
            return False
        at += len(wanted)
    return True
