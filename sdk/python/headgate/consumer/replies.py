"""Replies on their way to the routers."""

import json
import logging
from collections import OrderedDict, deque

import zmq

from headgate.consumer.counts import Counts
from headgate.consumer.work import PROGRESS, Reply
from headgate.reading import Object
from headgate.sockets import Context, Curve, Line, Socket

# Reply addresses that are connected to: some routers, and what they were called before
# their last change.
MAX_ADDRESSES = 8
# Replies that wait for one address: twice what can be held, and so end at once.
MAX_QUEUED = 8192
# Replies in one frame. It is part of the wire contract.
MAX_REPLIES = 1000
# Bytes; a frame with more is sent. Far below what a router reads in one.
FRAME = 64 << 10
# Milliseconds that what the system was given may take to be sent at the end.
LINGER = 1000

GOODBYE = b'"goodbye":true}'


class Replier:
    """Sends to one address: all that wait, in one frame."""

    def __init__(self, line: Line) -> None:
        self.line, self.unsent = line, 0
        self.queue: deque[bytes] = deque()

    def put(self, text: bytes, droppable: bool = False) -> None:
        # A router that is away needs no progress, and the room is for what counts.
        # Overflow drops: the router delivers again, and the answer is given again.
        most = MAX_QUEUED // 2 if droppable else MAX_QUEUED
        if len(self.queue) < most:
            self.queue.append(text)
        elif not droppable:
            self.unsent += 1

    def goodbye(self, lease: Object) -> None:
        """Take leave; lease is any of the connection that ends, or empty."""
        self.put(json.dumps(lease | {"goodbye": True}, separators=(",", ":")).encode())

    def flush(self) -> None:
        """Send what waits, as far as the connection takes it."""
        while self.queue:
            count, size = 0, 0
            for text in self.queue:
                # A goodbye is alone, so that no router can read it before the rest.
                alone = text.endswith(GOODBYE)
                if count and (alone or size >= FRAME or count == MAX_REPLIES):
                    break
                count, size = count + 1, size + len(text)
                if alone:
                    break
            frame = b",".join(self.queue[at] for at in range(count))
            try:
                self.line.s.send(frame if count == 1 else b"[%b]" % frame, zmq.NOBLOCK)
            except zmq.Again:
                return
            for _ in range(count):
                self.queue.popleft()

    def close(self) -> None:
        self.flush()
        self.unsent += len(self.queue)
        self.line.close(LINGER)


class Replies:
    """Sends replies to the addresses that deliveries name."""

    def __init__(
        self,
        context: Context,
        curve: Curve | None,
        log: logging.Logger,
        counts: Counts,
    ) -> None:
        self.context, self.curve, self.log = context, curve, log
        self.counts = counts
        self.open: OrderedDict[str, Replier] = OrderedDict()

    def to(self, address: str) -> Replier:
        """Find or connect an address. It raises ValueError."""
        if address not in self.open:
            socket = self.context.socket(zmq.PUSH)
            socket.immediate = True  # what cannot go now waits here, bounded
            line = Line(socket, address, self.curve, self.log)
            self.open[address] = Replier(line)
            if len(self.open) > MAX_ADDRESSES:
                self.leave(next(iter(self.open)))
        self.open.move_to_end(address)
        return self.open[address]

    def send(self, address: str, lease: Object, reply: Reply) -> None:
        self.to(address).put(reply.under(lease), droppable=reply is PROGRESS)

    def flush(self) -> None:
        for replier in self.open.values():
            replier.line.watch()
            replier.flush()

    def waiting(self) -> list[Socket]:
        """Give the sockets of what could not be sent yet."""
        return [r.line.s for r in self.open.values() if r.queue]

    def leave(self, address: str) -> None:
        replier = self.open.pop(address)
        replier.close()
        self.counts.unsent += replier.unsent

    def close(self) -> None:
        for address in list(self.open):
            self.leave(address)
