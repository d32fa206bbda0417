"""Durations as Go writes them, such as "1h30m" or "250ms"."""

import re
from datetime import timedelta

MICROSECONDS = {
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
    "µs": 1,
    "ns": 0.001,
}
PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(h|ms|m|s|us|µs|ns)")
WHOLE = re.compile(rf"[-+]?(0|({PART.pattern})+)")


def parse(text: str) -> timedelta:
    """Read a duration, to the microsecond. It raises ValueError or OverflowError."""
    if not WHOLE.fullmatch(text):
        raise ValueError("no duration")
    parts = PART.findall(text)
    total = sum(float(number) * MICROSECONDS[unit] for number, unit in parts)
    return timedelta(microseconds=-total if text.startswith("-") else total)


def write(value: timedelta) -> str:
    """Write a duration in the largest unit that it is a whole number of."""
    total = value // timedelta(microseconds=1)
    unit = next(u for u, size in MICROSECONDS.items() if total % size == 0)
    return f"{total // int(MICROSECONDS[unit])}{unit}"
