"""Describe Config, and tell what is wrong with each configuration on stdin."""

import json
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from headgate.plugin.decode import decode
from headgate.plugin.diagnostic import Diagnostics
from headgate.plugin.schema import schema


@dataclass
class Inner:
    size: int
    word: str = "x"


@dataclass
class Config:
    fields: list[str] = field(metadata={"doc": "What to change", "min": 1})
    token: str = field(metadata={"secret": True})
    mode: str = field(
        default="a", metadata={"enum": ["a", "b"], "doc": "How to change it"}
    )
    share: float = field(default=0.5, metadata={"min": 0, "max": 1})
    count: int = field(default=3, metadata={"min": 1, "max": 9})
    every: timedelta = timedelta(seconds=90)
    keep: bool = True
    name: str = field(default="é", metadata={"min": 1, "max": 2})
    inner: Inner | None = None
    more: dict[str, Inner] = field(default_factory=dict)
    any: Any = None


def faults(text: str) -> list[dict[str, str]]:
    try:
        decode(Config, text.encode())
    except Diagnostics as e:
        return [vars(fault) for fault in e.faults]
    return []


answers = [faults(text) for text in json.load(sys.stdin)]
json.dump({"schema": json.loads(schema(Config)), "faults": answers}, sys.stdout)
