r"""How deep a JSON text nests, told without decoding it.

A decoder stops at Python's recursion limit, which leaves more or less room by how deep its caller
stands. An insight that one call could just read, another could not: the memory keeps insights as
they came, with fields that it does not know, and would stop at its own record after a restart.
"""

import re
from typing import Final

MAX_NESTING: Final = 64  # an insight has three levels
# Strings as wholes, to the text's end when nothing ends them, and brackets.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)


def is_deep(text: bytes) -> bool:
    """Whether a JSON text nests deeper than MAX_NESTING; of what is no JSON, anything.

    >>> is_deep(b"[" * 65), is_deep(b"[]" * 65), is_deep(b'"' + b"[" * 65 + b'"')
    (True, False, False)
    """
    if text.count(b"[") + text.count(b"{") <= MAX_NESTING:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif first in b"]}":
            depth -= 1
    return False
