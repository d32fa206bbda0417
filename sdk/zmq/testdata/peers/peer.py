"""Sockets of pyzmq, driven by lines as README.md says."""

import os
import sys
from collections.abc import Iterator

import zmq
from zmq.utils.monitor import recv_monitor_message

PATIENCE = 5000  # ms for one send, and for what is unsent at the end
EVENTS = {
    zmq.EVENT_CONNECTED: "CONNECTED",
    zmq.EVENT_HANDSHAKE_SUCCEEDED: "HANDSHAKE_SUCCEEDED",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "HANDSHAKE_FAILED",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "HANDSHAKE_FAILED",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "HANDSHAKE_FAILED",
    zmq.EVENT_DISCONNECTED: "DISCONNECTED",
}
RECEIVERS = ("PULL", "SUB", "DEALER", "ROUTER", "REQ", "REP")


def unhex(word: str) -> bytes:
    return b"" if word == "-" else bytes.fromhex(word)


def configure(sock: zmq.Socket, key: str, value: str) -> None:
    match key:
        case "subscribe":
            sock.setsockopt(zmq.SUBSCRIBE, unhex(value))
        case "heartbeat":
            sock.heartbeat_ivl = int(value)
            sock.heartbeat_timeout = 4 * int(value)
        case "identity":
            sock.routing_id = unhex(value)
        case "server":
            sock.curve_server = True
            sock.curve_secretkey = value.encode()
        case "client":
            public, secret, server = value.encode().split(b",")
            sock.curve_publickey, sock.curve_secretkey = public, secret
            sock.curve_serverkey = server
        case _:
            raise ValueError(f"unknown key {key}")


class Sockets:
    """The open sockets, each with its monitor, and who answers poll."""

    def __init__(self, context: zmq.Context) -> None:
        self.context = context
        self.open: dict[str, tuple[zmq.Socket, zmq.Socket]] = {}
        self.names: dict[zmq.Socket, str] = {}
        self.monitors: dict[zmq.Socket, str] = {}
        self.poller = zmq.Poller()
        self.poller.register(0, zmq.POLLIN)

    def obey(self, order: str, name: str, *words: str) -> None:
        if order == "open":
            self.add(name, *words)
            return
        sock, _ = self.open[name]
        match order:
            case "send":
                sock.send_multipart([unhex(word) for word in words])
            case "subscribe":
                sock.setsockopt(zmq.SUBSCRIBE, unhex(words[0]))
            case "cancel":
                sock.setsockopt(zmq.UNSUBSCRIBE, unhex(words[0]))
            case "close":
                self.remove(name)
            case _:
                raise ValueError(f"unknown order {order}")

    def add(self, name: str, kind: str, how: str, endpoint: str, *keys: str) -> None:
        sock = self.context.socket(getattr(zmq, kind))
        sock.linger = 0 if kind == "SUB" else PATIENCE  # its subscriptions can go
        sock.sndtimeo = PATIENCE
        sock.sndhwm = 0  # one thread serves all: none may wait for another's peer
        for key in keys:
            configure(sock, *key.split("=", 1))
        monitor = sock.get_monitor_socket(sum(EVENTS))
        (sock.bind if how == "bind" else sock.connect)(endpoint)
        self.open[name] = sock, monitor
        self.names[sock], self.monitors[monitor] = name, name
        self.poller.register(monitor, zmq.POLLIN)
        if kind in RECEIVERS:
            self.poller.register(sock, zmq.POLLIN)
        print("ready", name, sock.last_endpoint.decode())

    def remove(self, name: str) -> None:
        sock, monitor = self.open.pop(name)
        del self.names[sock], self.monitors[monitor]
        self.poller.unregister(monitor)
        if sock in self.poller:
            self.poller.unregister(sock)
        sock.disable_monitor()
        sock.close()

    def relay(self, sock: zmq.Socket) -> None:
        if sock in self.monitors:
            event = recv_monitor_message(sock)["event"]
            print("event", self.monitors[sock], EVENTS[event])
        else:
            frames = sock.recv_multipart()
            print("msg", self.names[sock], *(f.hex() or "-" for f in frames))

    def run(self) -> None:
        orders = lines()
        ended = False
        while not ended:
            ready = dict(self.poller.poll())
            ended = ready.pop(0, None) is not None and not self.read(orders)
            for sock in ready:
                if sock in self.names or sock in self.monitors:  # still open
                    self.relay(sock)
            sys.stdout.flush()
        for name in list(self.open):
            self.remove(name)

    def read(self, orders: Iterator[list[str] | None]) -> bool:
        batch = next(orders)
        for line in batch or []:
            self.obey(*line.split())
        return batch is not None


def lines() -> Iterator[list[str] | None]:
    """The whole lines of one read each time; None at the end."""
    pending: list[bytes] = []
    while data := os.read(0, 1 << 20):
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0], pending = b"".join([*pending, whole[0]]), []
        pending.append(rest)
        yield [line.decode() for line in whole]
    yield None


def main() -> None:
    with zmq.Context() as context:
        context.max_sockets = 4096
        Sockets(context).run()


main()
