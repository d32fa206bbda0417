"""ZeroMQ sockets as consumers and producers have them: each for one thread."""

import logging
import socket
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

try:
    import zmq
    from zmq.utils.monitor import recv_monitor_message
except ImportError as error:
    raise ImportError(
        "to speak ZeroMQ headgate needs pyzmq: "
        "apt install python3-zmq, or pip install pyzmq"
    ) from error

Socket = zmq.Socket[bytes]
Context = zmq.Context[zmq.Socket[bytes]]

# Milliseconds between PINGs to a router, and of its silence until the connection is
# made anew: a router that vanished without a word costs no more than this.
PING = 10_000
SILENCE = 30_000
# Milliseconds between tries to connect, the first and the longest.
RECONNECT = 100
RECONNECT_MOST = 5_000

# Seconds until an address is connected to again that libzmq has given up for good, as
# it does after a refusal, a frame that is too large, or one that breaks ZMTP: it then
# announces no retry. The router may be told of a key later.
AGAIN = 1.0

# Bytes of a frame of deliveries that are read: twice the largest body that a router can
# be told to take, so that it is never libzmq that refuses one. That costs a connection,
# and with it all that is held by it.
MAX_FRAME = 128 << 20

REFUSALS = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "the router does not know this side's CURVE key",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "one side has CURVE and the other has not",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: (
        "the router ended the handshake: is its public CURVE key right?"
    ),
}
EVENTS = [
    *REFUSALS,
    zmq.EVENT_HANDSHAKE_SUCCEEDED,
    zmq.EVENT_DISCONNECTED,
    zmq.EVENT_CONNECT_RETRIED,
]


@dataclass(frozen=True)
class Curve:
    """CURVE towards routers (ZeroMQ RFC 26): their public key, and the own secret one.

    Both are 40 characters of Z85 (ZeroMQ RFC 32). It raises ValueError for others.
    """

    server: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for what, key in (("public", self.server), ("secret", self.secret)):
            try:
                zmq.curve_public(key.encode())
            except (zmq.ZMQError, ValueError):
                raise ValueError(f"a {what} CURVE key has 40 characters") from None

    @staticmethod
    def from_file(server: str, path: str) -> "Curve":
        """Read the own key, the first one in a file of `headgate key new --curve`."""
        return Curve(server, (Path(path).read_text().split() or [""])[0])

    def seal(self, s: Socket) -> None:
        secret = self.secret.encode()
        s.curve_secretkey, s.curve_publickey = secret, zmq.curve_public(secret)
        s.curve_serverkey = self.server.encode()


def new_context() -> Context:
    return cast(Context, zmq.Context())


class Line:
    """A socket that is connected to one address, for ever."""

    def __init__(
        self,
        s: Socket,
        address: str,
        curve: Curve | None,
        log: logging.Logger,
        frame: int = -1,
    ) -> None:
        """Connect s; frame bounds the bytes of one that comes.

        It raises ValueError, and closes s, for an address that is none.
        """
        self.s, self.address, self.log = s, address, log
        # Whether it is connected, how often it was and is no more, and why it is not.
        self.up, self.losses, self.refusal = False, 0, ""
        self.again_at = float("inf")
        s.maxmsgsize = frame
        s.heartbeat_ivl, s.heartbeat_timeout = PING, SILENCE
        s.reconnect_ivl, s.reconnect_ivl_max = RECONNECT, RECONNECT_MOST
        s.linger = 0
        if curve is not None:
            curve.seal(s)
        self.events: Socket = s.get_monitor_socket(
            zmq.Event(sum(EVENTS)), f"inproc://line-{id(s)}"
        )
        try:
            s.connect(address)
        except zmq.ZMQError as fault:
            self.close()
            raise ValueError(f"cannot connect to {address!r}: {fault}") from None

    def watch(self) -> None:
        """Take what has happened to the connection, once in a second at least."""
        with suppress(zmq.Again):
            while True:
                self.happened(recv_monitor_message(self.events, zmq.NOBLOCK)["event"])
        if time.monotonic() >= self.again_at:
            self.again_at = float("inf")
            with suppress(zmq.ZMQError):  # it may be forgotten already
                self.s.disconnect(self.address)
            self.s.connect(self.address)

    def happened(self, event: int) -> None:
        if event == zmq.EVENT_CONNECT_RETRIED:
            self.again_at = float("inf")  # libzmq goes on by itself
            return
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.up, self.refusal = True, ""
            self.log.info("%s: connected", self.address)
            return
        self.again_at = time.monotonic() + AGAIN
        if event in REFUSALS:
            if self.refusal != REFUSALS[zmq.Event(event)]:
                self.refusal = REFUSALS[zmq.Event(event)]
                self.log.warning("%s: %s", self.address, self.refusal)
        elif self.up:
            self.up, self.losses = False, self.losses + 1
            self.log.info("%s: disconnected", self.address)

    def close(self, linger: int = 0) -> None:
        """Close it; linger is in milliseconds."""
        self.s.disable_monitor()
        self.events.close(0)
        self.s.close(linger)


class Bell:
    """Wakes the thread that polls it, from any other and from signal handlers."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.here.setblocking(False)
        self.there.setblocking(False)

    def ring(self) -> None:
        with suppress(OSError):  # it rings already, or nobody listens any more
            self.there.send(b"!")

    def quiet(self) -> None:
        with suppress(BlockingIOError):
            while len(self.here.recv(4096)) == 4096:
                pass

    def close(self) -> None:
        self.here.close()
        self.there.close()
