"""What ends a plugin: the router's Shutdown, or a SIGTERM."""

import os
import signal

SHUTDOWN = 0  # beside the numbers of signals


def ignored(*_: object) -> None:
    """Take a signal; the pipe has told of it."""


class End:
    """Tells the end through a pipe, of which Python writes a signal's number.

    A lock does not do: a signal that another thread gets, or that comes just before
    the main thread sleeps, does not wake it there.
    """

    def __init__(self) -> None:
        """Take the signals over; in the main thread."""
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, ignored)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the router's to act on

    def shutdown(self) -> None:
        os.write(self._writing, bytes([SHUTDOWN]))

    def wait(self) -> int:
        """Wait for the end; give SIGTERM or SHUTDOWN."""
        while True:
            (what,) = os.read(self._reading, 1)
            if what in (SHUTDOWN, signal.SIGTERM):
                return what  # else a signal that the plugin handles by itself
