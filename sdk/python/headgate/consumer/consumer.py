"""Take one command channel."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from signal import Signals
from typing import overload

from headgate import delivery, dsse
from headgate.consumer.counts import Counts
from headgate.consumer.gate import Gate
from headgate.consumer.life import SIGNALS, Life
from headgate.consumer.memory import Memory
from headgate.consumer.shift import Shift
from headgate.consumer.work import BatchWork, Work
from headgate.sockets import Curve


class Consumer:
    """Takes deliveries, checks them, works and replies.

    connect   addresses of the channel, of one or several routers: tcp://host:port
    channel   its name; deliveries of others are refused
    keys      the routers' delivery keys: the path of a file that `headgate key export`
              wrote, an https URL such as a router's /.well-known/jwks.json, or what
              parse_keys gave, which never changes
    producers who has to have signed every event as well, end to end: the path of a
              file that `headgate key export --producers` wrote, or what
              parse_producers gave. What they have not signed is left out
    curve     CURVE towards the routers, on the channel and for replies alike
    parallel  calls of work at once, each in a thread of its own
    remember  done events that are not worked on again
    progress_every  seconds between reports on what is held; well below ack_timeout
    grace     seconds for work that runs at the end; then Delivery.stopped is set
    max_event bytes of the largest event that is not refused (check "size")
    """

    def __init__(
        self,
        connect: str | Sequence[str],
        *,
        channel: str,
        keys: str | Path | delivery.Keys,
        producers: str | Path | dsse.Producers | None = None,
        curve: Curve | None = None,
        parallel: int = 1,
        remember: int = 10_000,
        progress_every: float = 10.0,
        grace: float = 5.0,
        max_event: int = 4 << 20,
        log: logging.Logger | None = None,
    ) -> None:
        self.connect = [connect] if isinstance(connect, str) else list(connect)
        if not self.connect or not channel:
            raise ValueError(
                "connect needs the address of a channel, for example "
                "tcp://127.0.0.1:5555, and channel its name"
            )
        if min(parallel, remember, progress_every, grace, max_event) <= 0:
            raise ValueError("parallel, remember, times and sizes are positive")
        self.curve, self.parallel, self.grace = curve, parallel, grace
        self.progress_every = progress_every
        self.log = log or logging.getLogger("headgate.consumer")
        self.life, self.memory, self.tally = Life(), Memory(remember), Counts()
        self.gate = Gate(
            channel, keys, producers, max_event, self.tally, self.log, self.life.ring
        )

    @overload
    def run(self, work: Work, *, signals: Iterable[Signals] = SIGNALS) -> None: ...

    @overload
    def run(
        self, work: BatchWork, *, batch: int, signals: Iterable[Signals] = SIGNALS
    ) -> None: ...

    def run(
        self,
        work: Work | BatchWork,
        *,
        batch: int = 0,
        signals: Iterable[Signals] = SIGNALS,
    ) -> None:
        """Take deliveries until stop, or in the main thread one of the signals.

        Then it begins nothing more, lets running work finish, replies, gives back the
        rest, and waits two seconds at most until all that is sent. Work has to return
        when Delivery.stopped is set: run waits for it. A second signal does what it
        did before run.

        work returns a result for the sender, as JSON at most 64 KiB, or None, and the
        event is done. It raises Retry for "not now", Failed for "never"; anything else
        is "not now" with a traceback in the log. It may be called again for an event,
        after a crash for example: make it idempotent.

        With batch=n it gets a list of up to n deliveries, all that wait, and returns
        None when all are done, or a list with a result, None or an exception for each.
        What it raises is for all of them. Their replies travel together.

        It raises OSError or ValueError when keys cannot be read at the start or an
        address is none. Connections that cannot be made, or are lost, are made again
        for ever. run may be called again, and remembers.
        """
        with self.life.lead(signals) as bell:
            self.gate.begin()
            Shift(self, bell, work, batch).run()

    def stop(self) -> None:
        """End run, soon. It may be called from any thread, and from work."""
        self.life.stop()

    @property
    def counts(self) -> Counts:
        return self.tally.copy()
