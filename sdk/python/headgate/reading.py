"""The one reading of JSON: what other languages might read otherwise is refused."""

import json
from typing import Any, cast

Object = dict[str, Any]

# The deepest nesting of objects and arrays, the outermost included.
MAX_DEPTH = 64
# The greatest integer that every language has exactly (RFC 7493, section 2.2).
MAX_INTEGER = 2**53 - 1


class Refused(Exception):
    """A delivery fails the check that the exception names."""


def must(holds: bool, check: str) -> None:
    if not holds:
        raise Refused(check)


def read(frame: bytes, check: str, *strings: str) -> Object:
    """Read a JSON object that every language reads alike, with these string members."""
    try:
        value = loads(frame.decode())
    except (ValueError, RecursionError):
        raise Refused(check) from None
    must(isinstance(value, dict), check)
    must(all(isinstance(value.get(name), str) for name in strings), check)
    return value


def loads(text: str) -> Any:
    """Read a JSON value. It raises ValueError, or RecursionError where it is deep."""
    value = json.loads(text, object_pairs_hook=_unique)
    # What cannot be written again: lone surrogates, NaN, numbers beyond a double.
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    return value


def strict(value: Any, depth: int = 0) -> None:
    """Raise ValueError for a value that a router refuses although it can be read."""
    if isinstance(value, dict | list):
        if depth == MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        inner = cast(list[Any], value)  # of an object, its names
        if isinstance(value, dict):
            inner = list(cast(Object, value).values())
        for item in inner:
            strict(item, depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("an integer is beyond 2^53-1: write it as a string")


def _unique(members: list[tuple[str, Any]]) -> Object:
    value = dict(members)
    if len(value) < len(members):
        raise ValueError("a member name is repeated")
    return value
