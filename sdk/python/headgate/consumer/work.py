"""Work on deliveries, and what its end means to the router."""

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from headgate.digest import data_of, members
from headgate.reading import Object

# Bounds of a reply. They are part of the wire contract.
MAX_RESULT = 64 << 10  # bytes of result
MAX_REASON = 1 << 10  # bytes of reason that are kept
MAX_AFTER = 24 * 3600.0  # seconds


class Retry(Exception):
    """Raised by work that is to be done later. It is no failure.

    after is in seconds, at most 24 hours; 0 leaves it to the router.
    """

    after: float = 0.0

    def __init__(self, reason: str = "", after: float = 0) -> None:
        super().__init__(reason)
        seconds = float(after)
        self.after = min(seconds, MAX_AFTER) if seconds > 0 else 0.0  # NaN is not


class Failed(Exception):
    """Raised by work that can never be done: the event becomes a dead letter."""


@dataclass(frozen=True)
class Delivery:
    """An event that passed every check, and what its router says of it."""

    # CloudEvents by attribute name, data as a JSON value. With producers: what they
    # have signed of it, and nothing else.
    event: Object
    # id, source, channel, seq, attempt, principal, proof, traceparent and more.
    header: Object
    # Set when work has to end, after stop and the grace: raise Retry then.
    stopped: threading.Event
    # The event's text as it came, also what no producer has signed.
    raw: bytes = field(repr=False)
    # The event as the router received it, where the channel keeps that; mostly empty.
    original: bytes = field(repr=False)

    @property
    def attempt(self) -> int:
        """Count the hand-overs of this event, from 1. Telemetry has 0."""
        return self.header.get("attempt", 0)

    @cached_property
    def data(self) -> bytes:
        """The data in bytes: of JSON its text to the byte."""
        return data_of(dict(members(self.raw.decode())))


# Work acts on one delivery, and returns a result for the sender, or None.
Work = Callable[[Delivery], Any]
# BatchWork returns None, or for each delivery a result, None or an exception.
BatchWork = Callable[[list[Delivery]], Sequence[Any] | None]


@dataclass(frozen=True)
class Reply:
    """What becomes of an event, to be told under each of its leases."""

    status: str
    reason: str = ""
    after: float = 0
    result: str | None = None  # JSON
    raised: bool = False

    def under(self, lease: Object) -> bytes:
        """Write it; lease is id, source and lease of a delivery."""
        reply = lease | {"status": self.status}
        if self.reason:
            reason = self.reason.encode(errors="replace")[:MAX_REASON]
            reply["reason"] = reason.decode(errors="ignore")
        if self.after:
            reply["retry_after"] = self.after
        text = json.dumps(reply, separators=(",", ":"))
        if self.result is not None:
            text = f'{text[:-1]},"result":{self.result}}}'
        return text.encode()


PROGRESS = Reply("progress")


def perform(
    work: Work | BatchWork, batch: bool, turn: list[Delivery], log: logging.Logger
) -> list[Reply]:
    """Do the work on some deliveries, and give a reply for each."""
    try:
        if not batch:
            return [done(cast(Work, work)(turn[0]), log)]
        given = cast(BatchWork, work)(turn)
        ends: list[Any] = [None] * len(turn) if given is None else list(given)
        if len(ends) != len(turn):
            raise TypeError(f"{len(ends)} results for {len(turn)} deliveries")
    except BaseException as fault:  # whatever work raises costs this attempt alone
        return [undone(fault, turn, log)] * len(turn)
    return [
        undone(end, [d], log) if isinstance(end, BaseException) else done(end, log)
        for d, end in zip(turn, ends, strict=True)
    ]


def undone(fault: BaseException, turn: list[Delivery], log: logging.Logger) -> Reply:
    if isinstance(fault, Retry):
        return Reply("retry", words(fault), fault.after)
    if isinstance(fault, Failed):
        return Reply("failed", words(fault))
    names = ", ".join(d.event["id"] for d in turn)
    log.error("work raised, and is to be done again: %s", names, exc_info=fault)
    return Reply("retry", f"{type(fault).__name__}: {words(fault)}", raised=True)


def done(result: Any, log: logging.Logger) -> Reply:
    """Write a result. Work stays done whatever becomes of it."""
    if result is None:
        return Reply("done")
    try:
        text = json.dumps(
            result, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        if (size := len(text.encode())) > MAX_RESULT:
            raise ValueError(f"{size} bytes, at most {MAX_RESULT} are kept")
    except Exception as fault:  # a value's own methods may raise anything
        log.warning("result dropped: %s", words(fault))
        return Reply("done", f"result dropped: {words(fault)}")
    return Reply("done", result=text)


def words(fault: BaseException) -> str:
    try:
        return str(fault)
    except Exception:
        return "it has no text"
