"""Send events to routers."""

import logging
import random
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from headgate.producer.answer import Answer, Reply, no_router, refused, results, taken
from headgate.producer.credential import Credential, Outgoing
from headgate.producer.error import SendError
from headgate.producer.event import check_alone, text_of
from headgate.producer.http import Http
from headgate.reading import Object

if TYPE_CHECKING:
    from headgate.producer.signer import EventSigner
    from headgate.sockets import Curve

Event = Mapping[str, Any] | bytes | str

EVENT = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

# Events of one batch. It is part of the wire contract.
MAX_BATCH = 1000
# Seconds that a router waits at most for the end of an event.
MAX_WAIT = 25
# Seconds: the longest random wait before a second try, doubled with each up to the most.
PAUSE = 0.1
PAUSE_MOST = 10.0


class Producer:
    """Sends events until a router has taken them. It is for any number of threads.

    connect      the router's URL, https://host:8443, or ZeroMQ addresses of one or of
                 several routers, tcp://host:port, which needs pyzmq
    credential   hmac, ed25519 or bearer
    event_signer signs every event end to end as well, once before its first try
    tls          for https: other authorities than the system's, or a certificate
    curve        for ZeroMQ: CURVE towards the routers
    tries        of each request, at most
    timeout      seconds that a router may be silent in one try, wait not counted
    max_wait     seconds that a router may ask to wait before the next try; when it asks
                 for longer, send raises at once
    """

    def __init__(
        self,
        connect: str | Sequence[str],
        credential: Credential,
        *,
        event_signer: "EventSigner | None" = None,
        tls: ssl.SSLContext | None = None,
        curve: "Curve | None" = None,
        tries: int = 6,
        timeout: float = 10.0,
        max_wait: float = 30.0,
        log: logging.Logger | None = None,
    ) -> None:
        if tries < 1 or timeout <= 0 or max_wait < 0:
            raise ValueError("tries and timeout are positive")
        self.credential, self.event_signer = credential, event_signer
        self.tries, self.timeout, self.max_wait = tries, timeout, max_wait
        self.log = log or logging.getLogger("headgate.producer")
        if isinstance(connect, str) and connect.startswith(("http:", "https:")):
            if curve is not None:
                raise ValueError("curve is for ZeroMQ, tls for https")
            self.door = Http(connect, tls)
        else:
            from headgate.producer.dealer import Dealer

            addresses = [connect] if isinstance(connect, str) else list(connect)
            if not addresses or tls is not None:
                raise ValueError(
                    "connect needs a URL such as https://router:8443, or ZeroMQ "
                    "addresses such as tcp://127.0.0.1:5556; tls is for https"
                )
            self.door = Dealer(addresses, curve, self.log)
        self.sleep: Callable[[float], None] = time.sleep
        self.random, self.now = random.random, time.time

    def send(self, event: Event, *, wait: int = 0, receipt: bool = False) -> Answer:
        """Send one event until it is answered for good, and give the answer.

        With wait the router answers when the event has come to its end, or after so
        many seconds, 25 at most. With receipt the answer has one. It raises SendError.
        """
        body, read = self.prepared(event)
        check_alone(read)
        if not 0 <= wait <= MAX_WAIT:
            raise ValueError(f"wait is 0 to {MAX_WAIT} whole seconds")
        headers = {"content-type": EVENT} | preferences(wait, receipt)
        reply, attempts = self.until_answered(headers, read["id"], body, wait)
        return taken(reply.body or {}, attempts)

    def send_batch(
        self, events: Sequence[Event], *, receipt: bool = False
    ) -> list[Answer | SendError]:
        """Send up to 1000 events in one request, and give a result for each.

        Look at all of them: one may be refused, its result a SendError, while others
        are taken. Those that the router asks to send again go again, alone. It raises
        SendError when the batch as a whole is not taken.
        """
        if not 1 <= len(events) <= MAX_BATCH:
            raise ValueError(f"a batch has 1 to {MAX_BATCH} events")
        bodies = [self.prepared(event)[0] for event in events]
        given = self.batch(bodies, receipt)
        for attempt in range(1, self.tries):
            again = [i for i, r in enumerate(given) if retryable(r)]
            after = max((asked(given[i]) for i in again), default=0.0)
            if not again or after > self.max_wait:
                break
            self.sleep(after + self.jitter(attempt))
            try:
                more = self.batch([bodies[i] for i in again], receipt)
            except SendError:
                break  # what each was told before stands
            for i, one in zip(again, more, strict=True):
                given[i] = one
        return given

    def status(self, source: str, id: str) -> Object:
        """Ask by HTTP what became of an event that this sender sent.

        It gives id, source, state (pending, done, failed or dropped) and channels, and
        raises SendError, for an event that is not known with the code not_found.
        """
        if not isinstance(self.door, Http):
            raise ValueError("status is asked by HTTP")
        target, door = self.door.status_target(source, id), self.door

        def ask() -> Reply:
            proof = self.prove(secrets.token_hex(16), b"GET " + target.encode())
            return door.get(target, proof, self.timeout)

        return self.tried(ask)[0].body or {}

    def close(self) -> None:
        """End the connections. A send that has no answer yet raises RuntimeError."""
        self.door.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def prepared(self, event: Event) -> tuple[bytes, Object]:
        """Read an event, and sign it where that is asked for: once for all tries."""
        text, read = text_of(event)
        if self.event_signer is None:
            return text.encode(), read
        return self.event_signer.sign(text), read

    def batch(self, bodies: list[bytes], receipt: bool) -> list[Answer | SendError]:
        headers = {"content-type": BATCH} | preferences(0, receipt)
        body = b"[" + b",".join(bodies) + b"]"
        # A batch's id is signed, and is no replay key.
        reply, attempts = self.until_answered(headers, secrets.token_hex(16), body, 0)
        return results(reply.body or {}, len(bodies), attempts)

    def until_answered(
        self, headers: dict[str, str], id: str, body: bytes, wait: int
    ) -> tuple[Reply, int]:
        """Send the same bytes, with a new proof for each try."""
        door = self.door
        return self.tried(
            lambda: door.post(headers | self.prove(id, body), body, self.timeout + wait)
        )

    def prove(self, id: str, body: bytes) -> dict[str, str]:
        return self.credential(Outgoing(id, body, int(self.now())))

    def tried(self, ask: Callable[[], Reply]) -> tuple[Reply, int]:
        """Ask until there is an answer for good, and count the tries."""
        unknown = False  # to the router, once
        for attempt in range(1, self.tries + 1):
            try:
                reply = ask()
                if 200 <= reply.status < 300 and reply.body is not None:
                    return reply, attempt
                error = refused(reply) if reply.status >= 300 else no_router()
            except SendError as fault:
                error = fault
            error.attempts = attempt
            if error.status == 401:
                error.retryable, unknown = error.retryable and not unknown, True
            after = error.retry_after or 0.0
            last = attempt == self.tries or not error.retryable
            if last or after > self.max_wait:
                raise error
            self.log.debug("try %d: %s", attempt, error)
            self.sleep(after + self.jitter(attempt))
        raise AssertionError("unreachable")

    def jitter(self, attempt: int) -> float:
        """Give a random wait, so that who failed together comes back apart."""
        return self.random() * min(PAUSE * 2 ** (attempt - 1), PAUSE_MOST)


def preferences(wait: int, receipt: bool) -> dict[str, str]:
    """Write what is preferred (RFC 7240)."""
    wanted = [f"wait={wait}"] * (wait > 0) + ["return=receipt"] * receipt
    return {"prefer": ", ".join(wanted)} if wanted else {}


def retryable(result: Answer | SendError) -> bool:
    return isinstance(result, SendError) and result.retryable


def asked(result: Answer | SendError) -> float:
    return result.retry_after or 0.0 if isinstance(result, SendError) else 0.0
