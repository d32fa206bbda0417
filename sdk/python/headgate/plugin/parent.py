"""The router that started this process: without it there is nothing to do."""

import os
import select
import stat
from threading import Thread

# Seconds between two looks at who the parent is.
LOOK = 0.5
# The exit status of a plugin whose router died.
ORPHANED = 3


class Parent:
    """Ends the process at once when its router is gone, whatever else it does."""

    def __init__(self, descriptor: int) -> None:
        # Only a pipe tells an end: a file or a terminal ends for reasons of its own.
        is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._pipe = [descriptor] if is_pipe else []
        self._id = os.getppid()

    def watch(self) -> None:
        """Start watching, for as long as the process lives."""
        Thread(target=self._watch, name="parent", daemon=True).start()

    def _watch(self) -> None:
        while os.getppid() == self._id:
            ready, _, _ = select.select(self._pipe, [], [], LOOK)
            if ready and not os.read(ready[0], 4096):
                break
        os._exit(ORPHANED)
