"""Bytes of strangers as text that is safe to print: no control character reaches a terminal."""

from typing import Any, Final

import msgpack
import msgspec

HEADER_CHARACTERS: Final = 200
PREVIEW_CHARACTERS: Final = 160
BYTES_SHOWN: Final = 32


def preview(value: bytes | None, characters: int = PREVIEW_CHARACTERS) -> str:
    """The start of a value: JSON and text as they are, a msgpack map as JSON, else bytes.

    >>> preview(b'{"loss": NaN}'), preview(None), preview(bytes([0, 255]))
    ('{"loss": NaN}', '(no value)', '2 bytes: 00 ff')
    """
    if value is None:
        return "(no value)"
    if (text := _as_text(value, characters)) is not None:
        return text
    try:
        told = msgpack.unpackb(value, strict_map_key=False)
        # Any byte is a number of msgpack: only a map or a list tells something.
        if isinstance(told, dict | list):
            return _cut(msgspec.json.encode(_short(told)).decode(), characters)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException):
        pass
    return _as_bytes(value)


def printable(value: bytes, characters: int = HEADER_CHARACTERS) -> str:
    r"""Text as it is, with control characters escaped; else the first bytes.

    >>> printable(b"shop-7"), printable(b"\x1b[2J")
    ('shop-7', '\\x1b[2J')
    """
    text = _as_text(value, characters)
    return _as_bytes(value) if text is None else text


def _as_text(value: bytes, characters: int) -> str | None:
    # Cut bytes may end within a character: "ignore" would also pass over bytes that are no text.
    end = min(len(value), 4 * characters + 4)
    for cut in range(end, max(end - 4, -1), -1):
        try:
            text = value[:cut].decode()
            break
        except UnicodeDecodeError:
            if end == len(value):
                return None
    else:
        return None
    if "\x00" in text:
        return None
    escaped = "".join(
        c if c.isprintable() else " " if c in "\n\t\r" else c.encode("unicode_escape").decode()
        for c in text[: characters + 1]
    )
    return _cut(escaped, characters)


def _as_bytes(value: bytes) -> str:
    shown = value[:BYTES_SHOWN].hex(" ") + (" …" if len(value) > BYTES_SHOWN else "")
    return f"{len(value)} bytes: {shown}".rstrip()


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _short(told: Any) -> Any:
    """The same, with tensors' bytes as their number."""
    if isinstance(told, dict):
        return {str(name): _short(value) for name, value in told.items()}
    if isinstance(told, list):
        return [_short(value) for value in told]
    return f"<{len(told)} bytes>" if isinstance(told, bytes) else told
