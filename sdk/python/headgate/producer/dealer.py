"""To routers by ZeroMQ: a DEALER to each, in a thread of their own."""

import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from headgate.producer.answer import Reply, seconds
from headgate.producer.error import SendError
from headgate.producer.http import MAX_ANSWER, read, silent
from headgate.sockets import Bell, Context, Curve, Line, new_context, zmq


# Milliseconds between looks at connections that were refused.
LOOK = 1000


@dataclass
class Call:
    """One try, which waits for one answer."""

    name: bytes  # the request id
    headers: bytes
    body: bytes
    answer: "Future[bytes]" = field(default_factory=lambda: Future[bytes]())
    sent: bool = False


class Door:
    """One router, and the calls that wait for its answer."""

    def __init__(
        self, context: Context, address: str, curve: Curve | None, log: logging.Logger
    ) -> None:
        socket = context.socket(zmq.DEALER)
        socket.immediate = True  # nothing is given to a connection that is not
        self.line = Line(socket, address, curve, log, MAX_ANSWER)
        self.calls: dict[bytes, Call] = {}

    def send(self, call: Call) -> bool:
        """Tell whether the router's connection has taken it."""
        if not self.line.up:
            return False
        try:
            for frame in (call.name, call.headers):
                self.line.s.send(frame, zmq.NOBLOCK | zmq.SNDMORE)
            self.line.s.send(call.body, zmq.NOBLOCK)
        except zmq.Again:
            return False
        call.sent, self.calls[call.name] = True, call
        return True

    def read(self) -> None:
        while True:
            try:
                name, *text = self.line.s.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            call = self.calls.pop(name, None)
            if call is not None and len(text) == 1:
                settle(call, text[0])
        losses = self.line.losses
        self.line.watch()
        if self.line.losses > losses:  # no answer comes for what went by it
            calls, self.calls = self.calls, {}
            why = SendError("closed", "the connection was lost", retryable=True)
            for call in calls.values():
                settle(call, why)


class Dealer:
    """Makes one try at a time, from any number of threads at once.

    With several routers each try goes to the next one that is connected.
    """

    def __init__(
        self, addresses: Sequence[str], curve: Curve | None, log: logging.Logger
    ) -> None:
        self.addresses, self.curve, self.log = list(addresses), curve, log
        self.lock, self.serial, self.closed = threading.Lock(), 0, False
        self.thread: threading.Thread | None = None
        self.asked: SimpleQueue[Call] = SimpleQueue()

    def post(self, headers: dict[str, str], body: bytes, timeout: float) -> Reply:
        head = json.dumps(headers, separators=(",", ":")).encode()
        with self.lock:
            self.begin()
            self.serial += 1
            call = Call(self.serial.to_bytes(8, "big"), head, body)
            self.asked.put(call)
        self.bell.ring()
        try:
            text = call.answer.result(timeout)
        except TimeoutError:
            if call.answer.cancel():
                self.asked.put(call)  # to be forgotten
                self.bell.ring()
                raise self.silent(call) from None
            text = call.answer.result()
        found = read(text)
        status = (found or {}).get("status_code")
        if found is None or type(status) is not int:
            return Reply(0, None)
        return Reply(status, found, seconds(found.get("retry_after")))

    def silent(self, call: Call) -> SendError:
        if call.sent:
            return silent()
        whys = [d.line.refusal for d in self.doors if d.line.refusal]
        why = whys[0] if whys else "no router is connected"
        return SendError("unreachable", why, retryable=True)

    def begin(self) -> None:
        """Connect, at the first try."""
        if self.closed:
            raise RuntimeError("the producer is closed")
        if self.thread is not None:
            return
        context = new_context()
        try:
            self.doors = [
                Door(context, address, self.curve, self.log)
                for address in self.addresses
            ]
        except BaseException:
            context.destroy(0)
            raise
        self.bell = Bell()
        self.thread = threading.Thread(target=self.run, args=(context,), daemon=True)
        self.thread.start()

    def run(self, context: Context) -> None:
        """Own the sockets until close."""
        waiting: list[Call] = []
        while not self.closed:
            self.wait(bool(waiting))
            for door in self.doors:
                door.read()
            waiting += self.new_calls()
            for call in waiting:
                if call.answer.cancelled():
                    self.forget(call)
            waiting = [c for c in waiting if not (c.answer.cancelled() or self.send(c))]
        ended = RuntimeError("the producer is closed")
        for call in waiting + self.new_calls():
            settle(call, ended)
        for door in self.doors:
            for call in door.calls.values():
                settle(call, ended)
            door.line.close()
        context.term()
        self.bell.close()

    def wait(self, calls: bool) -> None:
        """Wait until there is something to do, with calls also for room for them."""
        polled: list[tuple[object, int]] = [(self.bell.here.fileno(), zmq.POLLIN)]
        for door in self.doors:
            room = zmq.POLLOUT if calls and door.line.up else 0
            polled += [(door.line.s, zmq.POLLIN | room)]
            polled += [(door.line.events, zmq.POLLIN)]
        zmq.zmq_poll(polled, LOOK)
        self.bell.quiet()

    def new_calls(self) -> list[Call]:
        calls: list[Call] = []
        while True:
            try:
                calls.append(self.asked.get_nowait())
            except Empty:
                return calls

    def send(self, call: Call) -> bool:
        for _ in self.doors:
            self.doors.append(self.doors.pop(0))
            if self.doors[-1].send(call):
                return True
        return False

    def forget(self, call: Call) -> None:
        for door in self.doors:
            door.calls.pop(call.name, None)

    def close(self) -> None:
        with self.lock:
            self.closed = True
        if self.thread is not None:
            self.bell.ring()
            self.thread.join()


def settle(call: Call, end: bytes | Exception) -> None:
    if not call.answer.set_running_or_notify_cancel():
        return  # nobody waits for it any more
    if isinstance(end, Exception):
        call.answer.set_exception(end)
    else:
        call.answer.set_result(end)
