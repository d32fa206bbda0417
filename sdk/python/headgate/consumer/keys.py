"""Where keys come from, and when they are read again."""

import logging
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from headgate.url import checked

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Seconds, at least, from one look at a file to the next.
LOOK = 1.0
# Seconds, at least, between two fetches, so that forged key ids cost the key server
# nothing. It is part of the wire contract.
REFETCH = 30.0
# Seconds that a key server may be silent.
SILENCE = 5.0
# Bytes of keys that are read: many times the most that are of use.
MAX_KEYS = 4 << 20


class Keys(Protocol[T_co]):
    """Keys as they are now. It is for one thread."""

    @property
    def value(self) -> T_co: ...

    def begin(self) -> None:
        """Read them for the first time. It raises OSError or ValueError."""

    def want(self) -> None:
        """Tell that one is missing."""

    def look(self) -> bool:
        """Take what is new, and tell whether there is any. It does not block."""
        ...


class Pinned(Generic[T]):
    """Keys that never change."""

    def __init__(self, value: T) -> None:
        self.value = value

    def begin(self) -> None:
        pass

    def want(self) -> None:
        pass

    def look(self) -> bool:
        return False


class KeyFile(Generic[T]):
    """What a file says now.

    Its bytes are compared, so that links which are swapped, as Kubernetes does, are
    seen too. A file that is gone or broken changes nothing, and this is told once.
    """

    value: T

    def __init__(
        self, path: str, parse: Callable[[bytes], T], log: logging.Logger
    ) -> None:
        self.path, self.parse, self.log = Path(path), parse, log
        self.text, self.looked_at, self.told = b"", 0.0, ""

    def begin(self) -> None:
        try:
            text = self.read()
            self.value, self.text = self.parse(text), text
        except ValueError as fault:
            raise ValueError(f"{self.path}: {fault}") from None
        self.looked_at = time.monotonic()

    def want(self) -> None:
        pass  # it is looked at anyway

    def look(self) -> bool:
        if time.monotonic() - self.looked_at < LOOK:
            return False
        self.looked_at = time.monotonic()
        try:
            text = self.read()
            if new := text != self.text:
                self.value, self.text = self.parse(text), text
        except Exception as fault:  # whatever is wrong with it
            if self.told != str(fault):
                self.log.warning("%s changes nothing: %s", self.path, fault)
            self.told = str(fault)
            return False
        self.told = ""
        return new

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            return bounded(file.read(MAX_KEYS + 1))


class KeyURL(Generic[T]):
    """What an https URL says, asked again when a key is missing.

    Plain http is for a literal loopback address alone. No redirect is followed: who
    answers for the keys is who was named. While it is away, what it said counts.
    """

    value: T

    def __init__(
        self,
        url: str,
        parse: Callable[[bytes], T],
        log: logging.Logger,
        ring: Callable[[], None] = lambda: None,
    ) -> None:
        parts = checked(url, "keys come")
        # What is not sealed goes by no proxy: it would leave this machine.
        proxies: dict[str, str] | None = {} if parts.scheme == "http" else None
        self.opener = urllib.request.build_opener(
            NoRedirect,
            urllib.request.ProxyHandler(proxies),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        )
        self.url, self.parse, self.log, self.ring = url, parse, log, ring
        self.wanted, self.asked_at = False, -REFETCH
        self.fetching: threading.Thread | None = None
        self.fetched: list[T] = []

    def begin(self) -> None:
        try:
            self.value = self.fetch()
        except (OSError, ValueError, HTTPException) as fault:
            why = str(fault) or type(fault).__name__
            raise OSError(f"{self.url}: {why}") from None

    def want(self) -> None:
        self.wanted = True

    def look(self) -> bool:
        if self.fetching is not None and not self.fetching.is_alive():
            self.fetching = None
        rested = time.monotonic() - self.asked_at >= REFETCH
        if self.wanted and rested and self.fetching is None:
            self.wanted, self.asked_at = False, time.monotonic()
            self.fetching = threading.Thread(target=self.refetch, daemon=True)
            self.fetching.start()
        if not self.fetched:
            return False
        self.value = self.fetched.pop()
        return True

    def refetch(self) -> None:
        try:
            self.fetched.append(self.fetch())
        except Exception as fault:  # whatever is wrong with it
            self.log.warning("%s changes nothing: %s", self.url, fault)
        self.ring()

    def fetch(self) -> T:
        accept = {"accept": "application/jwk-set+json, application/json"}
        request = urllib.request.Request(self.url, headers=accept)
        with self.opener.open(request, timeout=SILENCE) as answer:
            return self.parse(bounded(answer.read(MAX_KEYS + 1)))


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **named: Any) -> None:
        return None  # which makes it an error


def bounded(text: bytes) -> bytes:
    if len(text) > MAX_KEYS:
        raise ValueError(f"over {MAX_KEYS >> 20} MiB")
    return text
