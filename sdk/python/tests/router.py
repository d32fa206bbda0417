"""The side of a router that consumers see."""

import json
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate import delivery
from headgate.consumer import Consumer, Subscriber
from headgate.sockets import Socket
from tests.vectors import load

# Seconds that anything may take before it counts as stuck.
PATIENCE = 20.0

SOURCE = "//shop.example/till"
TYPE = "com.example.order.created"
KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
KID = load("delivery.json")["keys"]["keys"][0]["kid"]
KEYS = json.dumps(load("delivery.json")["keys"])


def keys() -> delivery.Keys:
    return delivery.parse_keys(KEYS.encode())


def lease(n: int, attempt: int = 1) -> str:
    return f"{n:010}{attempt:011}A"


def order(
    n: int,
    attempt: int = 1,
    event: Any = None,
    text: str = "",
    key: Ed25519PrivateKey = KEY,
    **header: Any,
) -> list[bytes]:
    """Make delivery number attempt of order number n."""
    if text:
        event = json.loads(text)
    elif event is None:
        event = {"specversion": "1.0", "id": f"order-{n}", "source": SOURCE}
        event |= {"type": TYPE, "data": {"n": n}}
    head = {
        "v": 1,
        "id": event["id"],
        "source": event["source"],
        "channel": "commands",
        "seq": n,
        "attempt": attempt,
        "lease": lease(n, attempt),
        "exp": int(time.time()) + 3600,
        "kid": KID,
    } | header
    body = (text or json.dumps(event, separators=(",", ":"))).encode()
    return sign([event["type"].encode(), json.dumps(head).encode(), body, b""], key)


def sign(frames: list[bytes], key: Ed25519PrivateKey = KEY) -> list[bytes]:
    """Sign a tree of one."""
    kid = json.loads(frames[1])["kid"]
    root = b64encode(delivery.leaf(frames)).decode()
    signature = key.sign(f"headgate.root.v1\n{kid}\n1\n{root}\n".encode())
    return [*frames, b"\1" + struct.pack(">II", 0, 1) + signature]


class Router:
    """Delivers, and gathers replies. It is for one thread."""

    def __init__(
        self, kind: int = zmq.PUSH, seal: Callable[[Socket], None] = lambda _: None
    ) -> None:
        self.context: zmq.Context[Socket] = zmq.Context()
        self.channel, self.desk = self.context.socket(kind), self.context.socket(7)
        seal(self.channel)
        seal(self.desk)
        self.at = self.bind(self.channel)
        self.reply = self.bind(self.desk)
        self.replies: list[Any] = []
        self.frames: list[bytes] = []

    @staticmethod
    def bind(s: Socket) -> str:
        s.linger = 0
        port = s.bind_to_random_port("tcp://127.0.0.1")
        return f"tcp://127.0.0.1:{port}"

    def deliver(self, n: int, attempt: int = 1, **given: Any) -> None:
        given.setdefault("reply", self.reply)
        self.send(order(n, attempt, **given))

    def send(self, frames: list[bytes]) -> None:
        if not self.channel.poll(int(PATIENCE * 1000), zmq.POLLOUT):
            raise AssertionError("nobody takes the delivery")
        for at, frame in enumerate(frames):
            self.channel.send(frame, zmq.SNDMORE * (at < len(frames) - 1))

    def deserted(self) -> None:
        """Wait until who has left is gone here too: a PUSH would still give to it."""
        until(lambda: not self.channel.poll(0, zmq.POLLOUT), "the connection ends")

    def next_of_all(self) -> Any:
        if not self.replies:
            if not self.desk.poll(int(PATIENCE * 1000)):
                raise AssertionError("no reply")
            self.frames.append(self.desk.recv())
            found = json.loads(self.frames[-1])
            self.replies = found if isinstance(found, list) else [found]
            if len(self.replies) > 1 and any("goodbye" in r for r in self.replies):
                raise AssertionError("a goodbye is not alone in its frame")
        return self.replies.pop(0)

    def next(self) -> Any:
        """Wait for the next reply, progress left out."""
        while (reply := self.next_of_all()).get("status") == "progress":
            pass
        return reply

    def silent(self) -> bool:
        return not self.replies and not self.desk.poll(0)

    def close(self) -> None:
        self.context.destroy(0)


class Running:
    """Runs a consumer or a subscriber in a thread of its own."""

    def __init__(self, who: Consumer | Subscriber, *args: Any, **named: Any) -> None:
        self.who, self.raised = who, SimpleQueue[BaseException]()

        def run() -> None:
            try:
                who.run(*args, **named)
            except BaseException as fault:
                self.raised.put(fault)

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.who.stop()
        self.join()

    def join(self) -> None:
        self.thread.join(PATIENCE)
        if self.thread.is_alive():
            raise AssertionError("run does not return")
        if not self.raised.empty():
            raise self.raised.get()


def until(reached: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise AssertionError(f"still waiting: {what}")
        time.sleep(0.002)
