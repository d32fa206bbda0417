"""To a router by HTTP, over connections that are kept."""

import json
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import cast
from urllib.parse import urlencode

from headgate import VERSION
from headgate.producer.answer import Reply, seconds
from headgate.producer.error import SendError
from headgate.reading import Object
from headgate.url import checked

# Bytes of an answer: far more than the longest, of a batch or with results.
MAX_ANSWER = 4 << 20


class Http:
    """Makes one try at a time, from any number of threads at once.

    It follows no redirect, and verifies who answers: tls may name other authorities
    than the system's and a certificate of one's own, and cannot turn that off.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        parts = checked(url, "events go")
        if parts.query or parts.fragment:
            raise ValueError("the URL of a router has no query")
        self.path = parts.path.rstrip("/")
        self.host, self.port = parts.hostname or "", parts.port
        self.tls = None
        if parts.scheme == "https":
            self.tls = tls or ssl.create_default_context()
            if self.tls.verify_mode != ssl.CERT_REQUIRED or not self.tls.check_hostname:
                raise ValueError("tls verifies certificates and their host names")
        self.idle: list[HTTPConnection] = []
        self.lock, self.closed = threading.Lock(), False

    def post(self, headers: dict[str, str], body: bytes, timeout: float) -> Reply:
        return self.ask("POST", f"{self.path}/v1/events", headers, body, timeout)

    def status_target(self, source: str, id: str) -> str:
        return f"{self.path}/v1/status?" + urlencode({"source": source, "id": id})

    def get(self, target: str, headers: dict[str, str], timeout: float) -> Reply:
        return self.ask("GET", target, headers, None, timeout)

    def ask(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes | None,
        timeout: float,
    ) -> Reply:
        headers = headers | {"user-agent": f"headgate-python/{VERSION}"}
        while True:
            connection, kept = self.take(timeout)
            there = kept
            try:
                if not kept:
                    connection.connect()
                there = True
                connection.request(method, target, body, headers)
                answer = connection.getresponse()
                text = answer.read(MAX_ANSWER + 1)
                if not answer.isclosed():
                    raise ConnectionError("an answer without an end")
            except ssl.SSLCertVerificationError as fault:
                connection.close()
                raise SendError("tls", fault.verify_message) from None
            except TimeoutError:
                connection.close()
                raise silent() from None
            except (OSError, HTTPException) as fault:
                connection.close()
                if kept:  # it may have been closed long ago: that is no try
                    continue
                # The text of an HTTPException may be what the other side wrote.
                why = str(fault) if isinstance(fault, OSError) else ""
                code = "closed" if there else "unreachable"
                text = why or type(fault).__name__
                raise SendError(code, text, retryable=True) from None
            except BaseException:
                connection.close()
                raise
            if answer.will_close:
                connection.close()
            else:
                self.give(connection)
            after = seconds(answer.headers.get("retry-after"))
            return Reply(answer.status, read(text), after)

    def take(self, timeout: float) -> tuple[HTTPConnection, bool]:
        """Give a connection, and whether it was used before."""
        with self.lock:
            if self.closed:
                raise RuntimeError("the producer is closed")
            kept = self.idle.pop() if self.idle else None
        if kept is not None:
            kept.sock.settimeout(timeout)
            return kept, True
        if self.tls is None:
            return HTTPConnection(self.host, self.port, timeout=timeout), False
        return (
            HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls),
            False,
        )

    def give(self, connection: HTTPConnection) -> None:
        with self.lock:
            if not self.closed:
                self.idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self.lock:
            idle, self.idle, self.closed = self.idle, [], True
        for connection in idle:
            connection.close()


def silent() -> SendError:
    return SendError("timeout", "no answer in time", retryable=True)


def read(text: bytes) -> Object | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return cast(Object, value) if isinstance(value, dict) else None
