"""Take one telemetry channel."""

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from signal import Signals

import zmq

from headgate import delivery, dsse
from headgate.consumer.counts import Counts
from headgate.consumer.gate import Gate
from headgate.consumer.life import SIGNALS, Life
from headgate.consumer.work import Delivery
from headgate.reading import Refused
from headgate.sockets import MAX_FRAME, Bell, Curve, Line, new_context

# Milliseconds between looks at keys.
LOOK = 1000
# Deliveries that are taken from one address in one go.
TAKE = 256


class Subscriber:
    """Takes telemetry: the same checks, no replies.

    What it misses, or is too slow for, is lost to it and counted by the router. topics
    are beginnings of event types, and none of them means all; the rest is as in
    Consumer.
    """

    def __init__(
        self,
        connect: str | Sequence[str],
        *,
        channel: str,
        keys: str | Path | delivery.Keys,
        topics: Sequence[str] = (),
        producers: str | Path | dsse.Producers | None = None,
        curve: Curve | None = None,
        max_event: int = 4 << 20,
        log: logging.Logger | None = None,
    ) -> None:
        self.connect = [connect] if isinstance(connect, str) else list(connect)
        if not self.connect or not channel:
            raise ValueError(
                "connect needs the address of a channel, for example "
                "tcp://127.0.0.1:5556, and channel its name"
            )
        if isinstance(topics, str):
            raise ValueError("topics is a list")
        self.topics, self.curve = topics or [""], curve
        self.log = log or logging.getLogger("headgate.subscriber")
        self.life, self.tally = Life(), Counts()
        self.gate = Gate(
            channel, keys, producers, max_event, self.tally, self.log, self.life.ring
        )

    def run(
        self, each: Callable[[Delivery], object], signals: Iterable[Signals] = SIGNALS
    ) -> None:
        """Give each every delivery that opens, one at a time, until stop or a signal.

        What each raises costs that delivery, and is logged. It raises OSError or
        ValueError when keys cannot be read at the start, or an address is none.
        """
        with self.life.lead(signals) as bell:
            self.gate.begin()
            context, lines = new_context(), list[Line]()
            try:
                for address in self.connect:
                    s = context.socket(zmq.SUB)
                    for topic in self.topics:
                        s.subscribe(topic)
                    lines.append(Line(s, address, self.curve, self.log, MAX_FRAME))
                while not self.life.stopping:
                    self.step(lines, bell, each)
            finally:
                for line in lines:
                    line.close()
                context.term()

    def step(
        self, lines: list[Line], bell: Bell, each: Callable[[Delivery], object]
    ) -> None:
        polled: list[tuple[object, int]] = [(bell.here.fileno(), zmq.POLLIN)]
        for line in lines:
            polled += [(s, zmq.POLLIN) for s in (line.s, line.events)]
        zmq.zmq_poll(polled, LOOK)
        bell.quiet()
        self.gate.look()
        for line in lines:
            line.watch()
            self.receive(line, each)

    def receive(self, line: Line, each: Callable[[Delivery], object]) -> None:
        for _ in range(TAKE):
            if self.life.stopping:
                return
            try:
                each(self.gate.open(line.s.recv_multipart(zmq.NOBLOCK)))
            except zmq.Again:
                return
            except Refused:
                continue
            except Exception:  # whatever it raises costs this delivery alone
                self.tally.raised += 1
                self.log.exception("each raised")

    def stop(self) -> None:
        """End run, soon. It may be called from any thread, and from each."""
        self.life.stop()

    @property
    def counts(self) -> Counts:
        return self.tally.copy()
