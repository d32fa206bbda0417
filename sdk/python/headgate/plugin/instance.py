"""A kind with a configuration."""

from typing import Any

from headgate.plugin.kind import Kind
from headgate.plugin.provider import Hint, Policy, Watch


class Instance:
    """What Configure opened, until another takes its place."""

    def __init__(self, kind: Kind, rest: tuple[Any, ...], policy: Policy) -> None:
        self.kind: Any = kind
        self.rest = rest  # the function's other arguments
        self._policy = policy
        self._watches: list[Watch] = []
        self._ended = False

    def watch(self) -> Watch:
        """Begin a watch. One that begins while the instance ends is stopped too."""
        watch = Watch(self._policy)
        self._watches.append(watch)
        if self._ended:
            watch.stop()
        return watch

    def forget(self, watch: Watch) -> None:
        self._watches.remove(watch)

    def hint(self, hint: Hint) -> None:
        for watch in list(self._watches):
            watch.hint(hint)

    def end(self) -> None:
        """Stop the watches; calls under way go on to their end."""
        self._ended = True
        for watch in list(self._watches):
            watch.stop()
