"""A libzmq socket driven by lines: an independent peer for the Go tests.

Standard input: one message per line, its frames in hex with spaces between.
End of input ends the process, once everything is sent.
Standard output: "ready ENDPOINT", then "msg FRAMES" for each message received
and "event NAME" for each connection that is ready or lost.
"""

import argparse
import os

import zmq
from zmq.utils.monitor import recv_monitor_message


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("type", choices=["PUSH", "PULL", "PUB", "SUB"])
    parser.add_argument("how", choices=["bind", "connect"])
    parser.add_argument("endpoint")
    parser.add_argument("--subscribe", action="append", default=[])
    parser.add_argument("--heartbeat", type=int, default=0, help="milliseconds")
    return parser.parse_args()


def say(*words: str) -> None:
    print(*words, flush=True)


def main() -> None:
    o = options()
    with zmq.Context() as context, context.socket(getattr(zmq, o.type)) as sock:
        sock.linger = 5000 if o.type in ("PUSH", "PUB") else 0
        if o.heartbeat:
            sock.heartbeat_ivl = o.heartbeat
            sock.heartbeat_timeout = 2 * o.heartbeat
        for prefix in o.subscribe:
            sock.setsockopt(zmq.SUBSCRIBE, prefix.encode())
        events = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        with sock.get_monitor_socket(events) as monitor:
            getattr(sock, o.how)(o.endpoint)
            say("ready", sock.last_endpoint.decode())
            relay(o.type, sock, monitor)
            sock.disable_monitor()


def relay(kind: str, sock: zmq.Socket, monitor: zmq.Socket) -> None:
    poller = zmq.Poller()
    poller.register(0, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    if kind in ("PULL", "SUB"):
        poller.register(sock, zmq.POLLIN)
    pending = b""
    while True:
        ready = dict(poller.poll())
        if monitor in ready:
            event = recv_monitor_message(monitor)["event"]
            say("event", zmq.Event(event).name)
        if sock in ready:
            say("msg", *(frame.hex() or "-" for frame in sock.recv_multipart()))
        if 0 in ready:
            data = os.read(0, 1 << 16)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                words = line.decode().split()
                sock.send_multipart([bytes.fromhex(w.strip("-")) for w in words])


main()
