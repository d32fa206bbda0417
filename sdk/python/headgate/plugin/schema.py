"""A configuration as JSON Schema 2020-12, which tells a router what to check."""

import dataclasses
import json
from dataclasses import MISSING
from datetime import timedelta
from typing import Any, cast, get_args, get_origin

from headgate.plugin import duration
from headgate.plugin.fields import Field, fields, plain

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# The router resolves the file: or env: reference in such a field, and never shows
# what it found.
SECRET = "x-headgate-secret"

SCALARS = {str: "string", bool: "boolean", int: "integer", float: "number"}
BOUNDS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
}


def schema(config: type) -> bytes:
    """Describe a dataclass of strings, booleans, numbers, timedeltas (written "30s"),
    Any (any JSON), and dataclasses, optionals, lists and dicts by string of these.

    It raises TypeError for anything else.
    """
    return json.dumps({"$schema": DIALECT, **table(config, ())}).encode()


def of(hint: Any, within: tuple[type, ...]) -> dict[str, Any]:
    """Describe a type. within are the dataclasses it lies in."""
    hint = plain(hint)
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return {}
    if hint is timedelta:
        return {"type": "string", "format": "duration-go"}
    if hint in SCALARS:
        return {"type": SCALARS[hint]}
    if origin is list:
        return {"type": "array", "items": of(args[0], within)}
    if origin is dict and args[0] is str:
        return {"type": "object", "additionalProperties": of(args[1], within)}
    if dataclasses.is_dataclass(hint):
        return table(cast(type, hint), within)
    raise TypeError(f"a configuration cannot hold a {hint}")


def table(config: type, within: tuple[type, ...]) -> dict[str, Any]:
    if config in within:
        raise TypeError(f"the configuration {config.__name__} lies within itself")
    within = *within, config
    members = fields(config)
    described: dict[str, Any] = {
        "type": "object",
        "properties": {f.name: member(f, of(f.type, within)) for f in members},
    }
    if required := [f.name for f in members if f.required]:
        described["required"] = required
    described["additionalProperties"] = False
    return described


def member(f: Field, described: dict[str, Any]) -> dict[str, Any]:
    if f.doc:
        described["description"] = f.doc
    if f.secret:
        described[SECRET] = True
    if f.enum:
        described["enum"] = f.enum
    if f.default is not MISSING and f.default is not None:
        described["default"] = plainly(f.default)
    keywords = BOUNDS.get(described.get("type", ""), ())
    for bound, keyword in zip((f.min, f.max), keywords):
        if bound is not None:
            described[keyword] = bound
    return described


def plainly(value: Any) -> Any:
    """Make a default what JSON has."""
    if isinstance(value, timedelta):
        return duration.write(value)
    if dataclasses.is_dataclass(value):
        return {f.name: plainly(getattr(value, f.name)) for f in fields(type(value))}
    if isinstance(value, list):
        return [plainly(item) for item in cast(list[Any], value)]
    if isinstance(value, dict):
        table = cast(dict[str, Any], value)
        return {name: plainly(item) for name, item in table.items()}
    return value
