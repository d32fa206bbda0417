"""The side of a router that producers see, by HTTP and by ZeroMQ."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zmq

from headgate.sockets import Bell, Socket


@dataclass
class Asked:
    """A request as a router sees it."""

    headers: dict[str, str]
    body: bytes
    target: str = ""

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass
class Told:
    """An answer; status 0 is silence, and -1 the end of the connection."""

    status: int
    body: Any
    after: int = 0
    headers: tuple[tuple[str, str], ...] = ()


def taken(asked: Asked, status: str = "accepted") -> Told:
    event = asked.event
    body = {"id": event["id"], "source": event["source"], "status": status}
    return Told(202, body)


def problem(status: int, code: str, after: int = 0) -> Told:
    body = {"title": "No.", "detail": "Not so.", "code": code, "request_id": "r1"}
    return Told(status, body | {"status": status}, after)


Answer = Callable[[Asked], Told]


class HttpDoor:
    """Answers by a function, over connections that it counts."""

    def __init__(self, answer: Answer, tls: Any = None) -> None:
        self.asked: list[Asked] = []
        self.connections: set[Any] = set()
        door, self.leave = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                door.connections.add(self.client_address)
                size = int(self.headers.get("content-length", 0))
                headers = {k.lower(): v for k, v in self.headers.items()}
                door.asked.append(Asked(headers, self.rfile.read(size), self.path))
                told = answer(door.asked[-1])
                if told.status <= 0:
                    if told.status == 0:
                        door.leave.wait()
                    self.close_connection = True
                    return
                body = told.body
                if not isinstance(body, bytes):
                    body = json.dumps(body).encode()
                self.send_response(told.status)
                if told.after:
                    self.send_header("retry-after", str(told.after))
                for name, value in told.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        scheme = "http"
        if tls is not None:
            scheme = "https"
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.at = f"{scheme}://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.leave.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class ZmqDoor:
    """Answers by a function."""

    def __init__(
        self,
        answer: Answer,
        seal: Callable[[Socket], None] = lambda _: None,
        at: str = "tcp://127.0.0.1:0",
    ) -> None:
        self.asked: list[Asked] = []
        self.answer, self.bell, self.ended = answer, Bell(), False
        self.context: zmq.Context[Socket] = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        seal(self.socket)
        self.socket.bind(at)
        self.at = self.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        while not self.ended:
            polled = [(self.socket, zmq.POLLIN), (self.bell.here.fileno(), zmq.POLLIN)]
            zmq.zmq_poll(polled, -1)
            while self.socket.poll(0):
                peer, name, headers, body = self.socket.recv_multipart()
                self.asked.append(Asked(json.loads(headers), body))
                told = self.answer(self.asked[-1])
                if told.status < 0:
                    self.ended = True
                    break
                if told.status == 0:
                    continue
                text = told.body
                if not isinstance(text, bytes):
                    more: Any = {"status_code": told.status}
                    more |= {"retry_after": told.after} if told.after else {}
                    text = json.dumps(told.body | more).encode()
                for frame in (peer, name):
                    self.socket.send(frame, zmq.SNDMORE)
                self.socket.send(text)
        self.context.destroy(100)

    def close(self) -> None:
        self.ended = True
        self.bell.ring()
        self.thread.join()
        self.bell.close()
