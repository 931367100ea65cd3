"""What changed between two documents, so that a page is sent changes and not the whole.

A change is an object with one of: `v`, the new value; `s`, [n, tail]: of a list, keep the first n
and append the tail; `m` and `d`: of a map, changes by key, and keys that are gone.
static/stream.js applies them.
"""

from typing import Any

Change = dict[str, Any]


def change(old: Any, new: Any) -> Change | None:
    """What makes ``new`` of ``old``; None when they are equal. Both are JSON values.

    >>> change({"a": 1, "b": [1, 2, 3]}, {"b": [1, 2, 4]})
    {'m': {'b': {'s': [2, [4]]}}, 'd': ['a']}
    """
    if isinstance(old, dict) and isinstance(new, dict):
        return _of_maps(old, new)
    if old == new and isinstance(old, bool) == isinstance(new, bool):
        return None
    if isinstance(old, list) and isinstance(new, list):
        kept = _common(old, new)
        if kept:
            return {"s": [kept, new[kept:]]}
    return {"v": new}


def _of_maps(old: dict[str, Any], new: dict[str, Any]) -> Change | None:
    changed = {}
    for key, value in new.items():
        one = {"v": value} if key not in old else change(old[key], value)
        if one is not None:
            changed[key] = one
    gone = [key for key in old if key not in new]
    made: Change = {}
    if changed:
        made["m"] = changed
    if gone:
        made["d"] = gone
    return made or None


def _common(old: list[Any], new: list[Any]) -> int:
    if old == new[: len(old)]:
        return len(old)
    many = 0
    for before, after in zip(old, new, strict=False):
        if before != after:
            break
        many += 1
    return many


def apply(old: Any, what: Change) -> Any:
    """The new document; the page does the same."""
    if "v" in what:
        return what["v"]
    if "s" in what:
        kept, tail = what["s"]
        return [*old[:kept], *tail]
    made = {key: value for key, value in old.items() if key not in set(what.get("d", ()))}
    for key, one in what.get("m", {}).items():
        made[key] = apply(old.get(key), one)
    return made
