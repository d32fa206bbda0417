"""The calls under way, which a drain waits for."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Draining(Exception):
    """No more calls are taken."""


class Calls:
    """Counts calls until it drains. It may be used from several threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._under_way = 0
        self.draining = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be a call under way. It raises Draining instead when there may be none."""
        with self._changed:
            if self.draining:
                raise Draining
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def drain(self, seconds: float | None) -> bool:
        """Take no more, and tell whether none is left after so long (None: ever)."""
        with self._changed:
            self.draining = True
            return self._changed.wait_for(lambda: not self._under_way, seconds)
