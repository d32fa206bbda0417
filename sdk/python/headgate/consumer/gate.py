"""What passes: deliveries of trusted routers, and events of trusted producers."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from headgate import delivery, dsse
from headgate.consumer.counts import Counts
from headgate.consumer.keys import KeyFile, Keys, KeyURL, Pinned
from headgate.consumer.work import Delivery
from headgate.reading import Refused, must

T = TypeVar("T")

# Seconds between two log lines about one check, so that whoever can reach a socket
# cannot fill a disk.
TELL = 1.0

# What to look at when a check fails that does so by mistakes, too.
ADVICE = {
    "kid": "keys do not have the router's key: export them again",
    "channel": "that is another channel's address",
    "expired": "compare this clock with the router's",
    "size": "max_event is smaller",
    "dsse_absent": "its producer signs no events",
    "dsse_no_key": "producers do not have a key of its source: export them again",
}


def source(
    given: T | str | Path,
    parse: Callable[[bytes], T],
    log: logging.Logger,
    ring: Callable[[], None],
) -> Keys[T]:
    """Tell where keys come from: a URL, a file, or they are given themselves."""
    if isinstance(given, str | Path):
        text = str(given)
        if text.startswith(("https:", "http:")):
            return KeyURL(text, parse, log, ring)
        return KeyFile(text, parse, log)
    if not given:
        raise ValueError("no key is given: nothing could be trusted")
    return Pinned(given)


class Gate:
    """Opens deliveries by the keys as they are now. It is for one thread."""

    def __init__(
        self,
        channel: str,
        keys: str | Path | delivery.Keys,
        producers: str | Path | dsse.Producers | None,
        max_event: int,
        counts: Counts,
        log: logging.Logger,
        ring: Callable[[], None],
    ) -> None:
        """Take keys and producers as Consumer does; ring wakes who has to look."""
        self.channels = {channel}
        self.keys: Keys[delivery.Keys] = source(keys, delivery.parse_keys, log, ring)
        self.producers: Keys[dsse.Producers] | None = None
        if producers is not None:
            self.producers = source(producers, dsse.parse_producers, log, ring)
        self.max_event, self.counts, self.log = max_event, counts, log
        self.stopped = threading.Event()
        self.told: dict[str, float] = {}

    def begin(self) -> None:
        """Read all keys. It raises OSError or ValueError."""
        self.stopped = threading.Event()
        self.keys.begin()
        if self.producers is not None:
            self.producers.begin()

    def look(self) -> bool:
        """Tell whether there are other keys than before."""
        found = self.keys.look()
        if self.producers is not None:
            found = self.producers.look() or found
        return found

    def open(self, frames: list[bytes]) -> Delivery:
        """Give what passes every check, or raise Refused. It is told and counted."""
        try:
            large = any(len(frame) > self.max_event for frame in frames[2:4])
            must(not large, "size")
            header, event = delivery.open(
                frames, self.keys.value, self.channels, time.time()
            )
            if self.producers is not None:
                event = dsse.signed(header, frames[2], event, self.producers.value)
        except Refused as refused:
            self.refuse(str(refused))
            raise
        self.counts.opened += 1
        return Delivery(event, header, self.stopped, frames[2], frames[3])

    def refuse(self, check: str) -> None:
        if check == "kid":
            self.keys.want()
        self.counts.refused[check] = self.counts.refused.get(check, 0) + 1
        now = time.monotonic()
        if now - self.told.get(check, -TELL) >= TELL:
            self.told[check] = now
            advice = ADVICE.get(check)
            self.log.warning("refused: %s%s", check, f" ({advice})" if advice else "")
