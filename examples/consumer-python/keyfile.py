"""Follow files of keys: who is trusted changes there while a consumer runs."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

LOOK = 1.0  # seconds, at least, from one look at a file to the next

T = TypeVar("T")


class KeyFile(Generic[T]):
    """What a file says now: ask with each delivery.

    Its bytes are compared, so that links which are swapped, as Kubernetes does, are
    seen too. A file that is gone or broken changes nothing, and this is told once.
    """

    def __init__(self, path: str, parse: Callable[[bytes], T]) -> None:
        self.path, self.parse = Path(path), parse
        self.text = self.path.read_bytes()
        self.value = parse(self.text)
        self.looked_at, self.told = time.monotonic(), ""

    def now(self) -> T:
        if time.monotonic() - self.looked_at >= LOOK:
            self.looked_at = time.monotonic()
            try:
                self.look()
            except Exception as fault:  # whatever is wrong with it
                if self.told != str(fault):
                    print(f"{self.path} changes nothing: {fault}", file=sys.stderr)
                self.told = str(fault)
        return self.value

    def look(self) -> None:
        text = self.path.read_bytes()
        if text != self.text:
            self.value, self.text = self.parse(text), text
        self.told = ""
