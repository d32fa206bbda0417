"""One run of a consumer: what is held, and what becomes of it."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import zmq

from headgate.consumer.memory import Name
from headgate.consumer.replies import Replies
from headgate.consumer.work import PROGRESS, BatchWork, Delivery, Reply, Work, perform
from headgate.reading import Object, Refused
from headgate.sockets import MAX_FRAME, Bell, Line, new_context

if TYPE_CHECKING:
    from headgate.consumer.consumer import Consumer

# Events that are held: the largest window that a router gives one connection. Beyond
# it deliveries wait in the socket.
MAX_HELD = 4096
# Bytes of deliveries that wait for their key, each counted with PARKED for itself.
MAX_PARKED = 64 << 20
PARKED = 512
# Deliveries that are taken in one go, so that replies do not wait for more.
TAKE = 256
# Seconds between looks at keys.
LOOK = 1.0
# Seconds for what waits to be sent at the end.
FLUSH = 1.0


@dataclass(frozen=True)
class Lease:
    """The right to reply, where to, and by which address of the channel it came."""

    text: Object  # id, source, lease
    to: str
    address: str


@dataclass
class Job:
    """An event to work on, with every lease it was delivered under."""

    delivery: Delivery  # the last before its work began
    leases: list[Lease] = field(default_factory=list[Lease])

    @property
    def name(self) -> Name:
        return self.delivery.event["source"], self.delivery.event["id"]


Ended = tuple[list[Job], list[Reply]]


class Shift:
    """Belongs to the thread that calls run; labour is what the others do."""

    def __init__(
        self,
        consumer: "Consumer",
        bell: Bell,
        work: Work | BatchWork,
        batch: int,
    ) -> None:
        self.c, self.bell, self.work, self.batch = consumer, bell, work, batch
        self.held: dict[Name, Job] = {}
        self.waiting: dict[Name, Job] = {}
        self.begun, self.ending = 0, False
        self.parked: list[tuple[list[bytes], str]] = []
        self.parked_size = 0
        self.tasks: SimpleQueue[list[Job] | None] = SimpleQueue()
        self.finished: SimpleQueue[Ended] = SimpleQueue()
        self.progress_at = time.monotonic() + consumer.progress_every
        self.stop_at = float("inf")

    def run(self) -> None:
        c = self.c
        context = new_context()
        self.replies = Replies(context, c.curve, c.log, c.tally)
        self.lines: list[Line] = []
        try:
            for address in c.connect:
                pull = context.socket(zmq.PULL)
                self.lines.append(Line(pull, address, c.curve, c.log, MAX_FRAME))
            for _ in range(c.parallel):
                threading.Thread(target=self.labour, daemon=True).start()
            while not self.ending or self.begun:
                self.wait(min(LOOK, self.next_at() - time.monotonic()))
                self.step()
            self.goodbye()
            self.drain()
        finally:
            for _ in range(c.parallel):
                self.tasks.put(None)
            for line in self.lines:
                line.close()
            self.replies.close()
            context.term()

    def next_at(self) -> float:
        return min(self.progress_at, self.stop_at)

    def wait(self, seconds: float) -> None:
        """Wait until there is something to do."""
        polled: list[tuple[object, int]] = [(self.bell.here.fileno(), zmq.POLLIN)]
        polled += [(s, zmq.POLLOUT) for s in self.replies.waiting()]
        polled += [(line.events, zmq.POLLIN) for line in self.lines]
        if len(self.held) < MAX_HELD:
            polled += [(line.s, zmq.POLLIN) for line in self.lines]
        zmq.zmq_poll(polled, max(0, int(seconds * 1000) + 1))

    def step(self) -> None:
        self.bell.quiet()
        for line in self.lines:
            line.watch()
            self.receive(line)
        self.collect()
        now = time.monotonic()
        if self.c.life.stopping and not self.ending:
            self.ending, self.stop_at = True, now + self.c.grace
        if now >= self.stop_at:
            self.stop_at = float("inf")
            self.c.gate.stopped.set()
        if self.c.gate.look():
            self.unpark()
        if now >= self.progress_at:
            self.progress_at = now + self.c.progress_every
            self.report()
        while not self.ending and self.begun < self.c.parallel and self.waiting:
            self.begin()
        self.replies.flush()

    def receive(self, line: Line) -> None:
        for _ in range(TAKE):
            if len(self.held) >= MAX_HELD:
                return
            try:
                frames = line.s.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.take(frames, line.address)

    def take(self, frames: list[bytes], address: str) -> None:
        try:
            delivery = self.c.gate.open(frames)
        except Refused as refused:
            if str(refused) == "kid":
                self.park(frames, address)
            return
        self.hold(delivery, address)

    def hold(self, delivery: Delivery, address: str) -> None:
        """Take in what was opened.

        Of an event that was done it is answered again; of one that is held it is
        answered with the other.
        """
        header = delivery.header
        try:
            to = str(header["reply"])
            self.replies.to(to)
            text = {name: str(header[name]) for name in ("id", "source", "lease")}
        except (KeyError, ValueError):
            self.c.gate.refuse("reply")
            return
        lease = Lease(text, to, address)
        name = lease.text["source"], lease.text["id"]
        memory, job = self.c.memory, self.held.get(name)
        if name in memory:
            self.c.tally.repeated += 1
            self.answer(lease, Reply("done", result=memory.result(name)))
        elif job is None:
            self.held[name] = self.waiting[name] = Job(delivery, [lease])
        else:
            self.c.tally.repeated += 1
            if all(lease.text != other.text for other in job.leases):
                job.leases.append(lease)
                if name in self.waiting:
                    job.delivery = delivery

    def begin(self) -> None:
        """Start work on what has waited longest."""
        turn: list[Job] = []
        while self.waiting and len(turn) < max(self.batch, 1):
            job = self.waiting.pop(next(iter(self.waiting)))
            if int(time.time()) > job.delivery.header["exp"]:
                self.settle(job, Reply("retry", "expired while it waited"))
            else:
                turn.append(job)
        if turn:
            self.begun += 1
            self.tasks.put(turn)

    def labour(self) -> None:
        while turn := self.tasks.get():
            deliveries = [job.delivery for job in turn]
            try:
                ended = perform(self.work, self.batch > 0, deliveries, self.c.log)
            except BaseException as fault:  # a log's own: run waits for this thread
                ended = [Reply("retry", type(fault).__name__, raised=True)] * len(turn)
            self.finished.put((turn, ended))
            self.bell.ring()

    def collect(self) -> None:
        while True:
            try:
                turn, ended = self.finished.get_nowait()
            except Empty:
                return
            self.begun -= 1
            for job, reply in zip(turn, ended, strict=True):
                self.settle(job, reply)

    def settle(self, job: Job, reply: Reply) -> None:
        """Reply to every lease of a job, and forget it."""
        del self.held[job.name]
        for lease in job.leases:
            self.answer(lease, reply)
        tally = self.c.tally
        if reply.status == "done":
            self.c.memory.remember(job.name, reply.result)
            tally.done += 1
        elif reply.status == "failed":
            tally.failed += 1
        else:
            tally.retried += 1
        tally.raised += reply.raised

    def report(self) -> None:
        """Tell that all that is held is in progress; what waits too, by its clock."""
        for job in self.held.values():
            for lease in job.leases:
                self.answer(lease, PROGRESS)

    def park(self, frames: Sequence[bytes], address: str) -> None:
        """Keep a delivery until the keys have been read again."""
        size = PARKED + sum(map(len, frames))
        if self.parked_size + size <= MAX_PARKED:  # else it is delivered again
            self.parked.append((list(frames), address))
            self.parked_size += size

    def unpark(self) -> None:
        parked, self.parked, self.parked_size = self.parked, [], 0
        for frames, address in parked:
            self.take(frames, address)

    def goodbye(self) -> None:
        """Give back what is held, and take leave of the other routers.

        One lease of each connection does; that is the newest of each address, since
        what came by a connection before was given up with it.
        """
        newest: dict[str, Lease] = {}
        for job in self.held.values():
            for lease in job.leases:
                newest[lease.address] = lease
        for lease in newest.values():
            self.replies.to(lease.to).goodbye(lease.text)
        told = {lease.to for lease in newest.values()}
        for address, replier in self.replies.open.items():
            if address not in told:
                replier.goodbye({})

    def drain(self) -> None:
        """Send what waits, within FLUSH."""
        end = time.monotonic() + FLUSH
        self.replies.flush()
        while (waiting := self.replies.waiting()) and time.monotonic() < end:
            zmq.zmq_poll([(s, zmq.POLLOUT) for s in waiting], 100)
            self.replies.flush()

    def answer(self, lease: Lease, reply: Reply) -> None:
        self.replies.send(lease.to, lease.text, reply)
