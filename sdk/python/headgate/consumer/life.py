"""How a consumer or a subscriber begins, and ends on request."""

import signal
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from headgate.sockets import Bell

SIGNALS = signal.SIGINT, signal.SIGTERM


class Life:
    """One run at a time. stop may come from any thread and from signal handlers."""

    def __init__(self) -> None:
        self.stopping, self.running = False, threading.Lock()
        self.bell: Bell | None = None

    def stop(self) -> None:
        self.stopping = True
        self.ring()

    def ring(self) -> None:
        if bell := self.bell:
            bell.ring()

    @contextmanager
    def lead(self, signals: Iterable[signal.Signals]) -> Generator[Bell]:
        """Run once, in the main thread until one of the signals as well."""
        if not self.running.acquire(blocking=False):
            raise RuntimeError("it runs already")
        self.bell = bell = Bell()
        if self.stopping:  # before it began
            bell.ring()
        handlers = {}
        if threading.current_thread() is threading.main_thread():
            default = signal.SIG_DFL  # of a handler that is not Python's
            handlers = {n: signal.getsignal(n) or default for n in signals}

        def restore() -> None:
            for number, handler in handlers.items():
                signal.signal(number, handler)

        def caught(*_: object) -> None:
            restore()  # a second signal does what it did before
            self.stop()

        try:
            for number in handlers:
                signal.signal(number, caught)
            yield bell
        finally:
            restore()
            self.bell, self.stopping = None, False
            bell.close()
            self.running.release()
