"""Identity providers: functions that give a router what tokens are checked with."""

import inspect
import itertools
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from threading import Condition
from typing import Any

from headgate.plugin.kind import Kind
from headgate.plugin.trust import TrustBundle

Bundles = Generator[TrustBundle, str | None, None]

# A hint asks for what one fetch answers: more of them in line ask for no more.
MAX_HINTS = 16


@dataclass(frozen=True)
class Policy:
    """What the router's own configuration says. What lies outside is refused."""

    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    algs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hint:
    """A key id that nobody knows was seen. Perhaps the issuer has new keys."""

    issuer: str
    key_id: str


class Watch:
    """A router's wish for bundles, until it is stopped."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._changed = Condition()
        self._hints: deque[Hint] = deque()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    def wait(self, seconds: float) -> Hint | None:
        """Wait so long, or until there is a hint or the watch is stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._hints, seconds)
            return self._hints.popleft() if self._hints else None

    def hint(self, hint: Hint) -> None:
        """Wake wait with a hint; for the SDK and for tests."""
        with self._changed:
            if len(self._hints) < MAX_HINTS and hint not in self._hints:
                self._hints.append(hint)  # else it is dropped: the router asks again
            self._changed.notify_all()

    def stop(self) -> None:
        """End the watch; for the SDK and for tests."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class Provider(Kind):
    """A provider, as @provider makes it. Calling it calls the function, for tests."""

    def __init__(
        self,
        function: Callable[..., Bundles],
        name: str,
        version: str,
        config: type | None,
    ) -> None:
        if not inspect.isgeneratorfunction(function):
            raise TypeError(f"provider {name}: its function has to yield bundles")
        super().__init__(function, name, version, config)
        # One count for every watch: within a process a version never goes back.
        self.versions = itertools.count(1)

    def __call__(self, *args: Any) -> Bundles:
        bundles: Bundles = self.function(*args)
        return bundles


def provider(
    name: str, version: str, config: type | None = None
) -> Callable[[Callable[..., Bundles]], Provider]:
    """Make a generator function a provider. It is called with a Watch and a config.

        @provider("keys", "1.0.0", Config)
        def keys(watch: Watch, config: Config) -> Bundles:
            while not watch.stopped:
                yield fetch(config.url)
                watch.wait(300)

    Each yield returns when the router has answered: None when it took the bundle, else
    why it refused it. The last good one serves until then. The function raises or ends
    only when it can never publish again.
    """
    return lambda function: Provider(function, name, version, config)
