"""The calls under way, which a drain waits for."""

from threading import Condition


class Calls:
    """Counts calls until it drains. It may be used from several threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._under_way = 0
        self.draining = False

    def begin(self) -> bool:
        """Count a call, which has to end; tell whether there may be one at all."""
        with self._changed:
            if not self.draining:
                self._under_way += 1
            return not self.draining

    def end(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def drain(self, seconds: float | None) -> bool:
        """Take no more, and tell whether none is left after so long (None: ever)."""
        with self._changed:
            self.draining = True
            return self._changed.wait_for(lambda: not self._under_way, seconds)
