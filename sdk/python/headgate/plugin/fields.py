"""The fields of a configuration: a dataclass, whose metadata says more.

    doc="..."        one sentence
    enum=["a", "b"]  the only values of a string
    min=1, max=9     of a number, or of the length of a string or list
    secret=True      a string that is written as file:PATH or env:NAME, and never shown

A field without a default is required. Fields with init=False are none of it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

KEYWORDS = {"doc", "enum", "min", "max", "secret"}
LENGTHY = (str, list)


class Secret(str):
    """The text of a secret field. No log shows it by accident."""

    def __repr__(self) -> str:
        return "[redacted]"


@dataclasses.dataclass(frozen=True)
class Field:
    """One member of a configuration."""

    name: str
    type: Any
    required: bool
    default: Any  # MISSING when required
    doc: str = ""
    enum: list[str] | None = None
    min: float | None = None
    max: float | None = None
    secret: bool = False


def fields(config: Any) -> list[Field]:
    """Read a dataclass. It raises TypeError for what a configuration cannot say."""
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise TypeError(f"a configuration is a dataclass, not {config!r}")
    hints = get_type_hints(config)
    return [
        field(f"{config.__name__}.{f.name}", f, plain(hints[f.name]))
        for f in dataclasses.fields(config)
        if f.init
    ]


def field(where: str, f: "dataclasses.Field[Any]", hint: Any) -> Field:
    says: Mapping[str, Any] = f.metadata
    if unknown := set(says) - KEYWORDS:
        raise TypeError(f"{where}: metadata {unknown.pop()} is not one of {KEYWORDS}")
    if (says.get("secret") or says.get("enum")) and hint is not str:
        raise TypeError(f"{where}: only a string can be secret or have an enum")
    bounded = says.keys() & {"min", "max"}
    if bounded and (get_origin(hint) or hint) not in (int, float, *LENGTHY):
        raise TypeError(f"{where}: only numbers, strings and lists have bounds")
    default = f.default_factory() if f.default_factory is not MISSING else f.default
    return Field(f.name, hint, default is MISSING, default, **says)


def plain(hint: Any) -> Any:
    """Take the None out of an optional type: in JSON it is an absent member."""
    if get_origin(hint) in (Union, UnionType):
        inner = [of for of in get_args(hint) if of is not NoneType]
        if len(inner) == 1:
            return inner[0]
    return hint
