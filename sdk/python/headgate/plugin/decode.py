"""A configuration read by the fields of its dataclass, every fault at once."""

import dataclasses
import json
import math
from contextlib import suppress
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, TypeVar, cast, get_args, get_origin

from headgate.plugin import duration
from headgate.plugin.diagnostic import Diagnostic, Diagnostics, pointer
from headgate.plugin.fields import Field, Secret, fields, plain

C = TypeVar("C")

WANTED = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}
FOUND: dict[Any, str] = {
    dict: "a table",
    list: "a list",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}
# A bare type is a list's item or a dict's value: a field that says nothing.
BARE = Field("", None, True, None)


def decode(config: type[C], text: bytes) -> C:
    """Make a configuration of a JSON object; empty text is an empty one.

    It raises Diagnostics, with all faults that there are.
    """
    try:
        value = json.loads(text.strip() or b"{}", parse_constant=not_json)
    except (ValueError, RecursionError):
        raise Diagnostics(Diagnostic("", "is no JSON")) from None
    reading = Reading()
    made: C = reading.table(config, "", value)
    if reading.faults:
        raise Diagnostics(*reading.faults)
    return made


def not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


class Reading:
    """The faults found so far. Each of its functions reads a value, None at a fault."""

    def __init__(self) -> None:
        self.faults: list[Diagnostic] = []

    def fault(self, path: str, text: str) -> None:
        self.faults.append(Diagnostic(path, text))

    def table(self, config: type[C], path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.fault(path, f"want a table, not {found(value)}")
        table = cast(dict[str, Any], value)
        before, members, given = len(self.faults), fields(config), dict[str, Any]()
        for f in members:
            at = pointer(path, f.name)
            if f.name in table:
                given[f.name] = self.value(f.type, at, table[f.name], f)
            elif f.required:
                self.fault(at, "is required" + (f": {f.doc}" if f.doc else ""))
        names = [f.name for f in members]
        for unknown in sorted(table.keys() - names):
            at = pointer(path, unknown)
            self.fault(at, f"is not known: {advice(unknown, names)}")
        return self.make(config, path, given) if len(self.faults) == before else None

    def make(self, config: type[C], path: str, given: dict[str, Any]) -> C | None:
        """Call the dataclass, whose __post_init__ may check more."""
        try:
            return config(**given)
        except Diagnostics as e:
            for f in e.faults:
                self.fault(path + f.path, redacted(f.text, given))
        except ValueError as e:
            self.fault(path, redacted(str(e), given))
        return None

    def value(self, hint: Any, path: str, value: Any, f: Field = BARE) -> Any:
        """Read a value of a type. f is the field it is, or that its list is in."""
        hint = plain(hint)
        origin, args = get_origin(hint), get_args(hint)
        if hint is Any or hint is object:
            return value
        if hint is timedelta:
            return self.time(path, value)
        if origin is list:
            return self.items(args[0], path, value, f)
        if origin is dict:
            return self.entries(args[1], path, value)
        if dataclasses.is_dataclass(hint):
            return self.table(cast(type, hint), path, value)
        return self.scalar(hint, path, value, f)

    def scalar(self, hint: Any, path: str, value: Any, f: Field) -> Any:
        if hint is float and type(value) is int:
            with suppress(OverflowError):  # beyond a double: it stays an int, a fault
                value = float(value)
        if type(value) is not hint or hint is float and math.isinf(value):
            return self.fault(path, f"want {WANTED[hint]}, not {found(value)}")
        if hint is str:
            if f.enum and value not in f.enum:
                self.fault(path, f"want one of {', '.join(f.enum)}")
            self.within(path, len(cast(str, value)), f, " characters")
            return Secret(value) if f.secret else value
        if hint is not bool:
            self.within(path, value, f, "")
        return value

    def within(self, path: str, n: float, f: Field, unit: str) -> None:
        if f.min is not None and n < f.min:
            self.fault(path, f"want at least {f.min:g}{unit}")
        if f.max is not None and n > f.max:
            self.fault(path, f"want at most {f.max:g}{unit}")

    def time(self, path: str, value: Any) -> Any:
        try:
            return duration.parse(value)
        except (TypeError, ValueError, OverflowError):
            wanted = 'want a duration such as "30s"'
            return self.fault(path, f"{wanted}, not {found(value)}")

    def items(self, hint: Any, path: str, value: Any, f: Field) -> Any:
        if not isinstance(value, list):
            return self.fault(path, f"want a list, not {found(value)}")
        items = cast(list[Any], value)
        self.within(path, len(items), f, " entries")
        return [self.value(hint, f"{path}/{i}", item) for i, item in enumerate(items)]

    def entries(self, hint: Any, path: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return self.fault(path, f"want a table, not {found(value)}")
        table = cast(dict[str, Any], value)
        return {k: self.value(hint, pointer(path, k), table[k]) for k in sorted(table)}


def redacted(text: str, given: dict[str, Any]) -> str:
    """Take secrets out of what a dataclass says, such as a failed int() of one."""
    for secret in given.values():
        if isinstance(secret, Secret) and secret:
            text = text.replace(secret, repr(secret))
    return text


def advice(unknown: str, names: list[str]) -> str:
    if like := get_close_matches(unknown, names, n=1, cutoff=0.5):
        return f"did you mean {like[0]}?"
    return f"there are {', '.join(names)}"


def found(value: Any) -> str:
    """Tell the kind of a JSON value, never the value: it may be secret."""
    return FOUND.get(type(value), "such a number")
