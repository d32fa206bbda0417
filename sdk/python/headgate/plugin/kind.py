"""What a plugin offers under one name: a transform or a provider."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate.plugin.decode import decode
from headgate.plugin.schema import schema

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass
class Nothing:
    """The configuration of a kind that has none."""


class Kind:
    """One kind; a router opens it once for each configuration."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        version: str,
        config: type[Any] | None,
    ) -> None:
        if not NAME.fullmatch(name):
            wanted = "want 1 to 64 of a-z, 0-9 and inner hyphens"
            raise ValueError(f"plugin name {name!r}: {wanted}")
        if not version:
            raise ValueError(f"plugin {name} has no version")
        self.function = function
        self.name = name
        self.version = version
        self.config = config
        self.schema = schema(config or Nothing)
        self.doc = " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())

    def open(self, text: bytes) -> tuple[Any, ...]:
        """Read a configuration: the function's other arguments.

        It raises Diagnostics.
        """
        config: Any = decode(self.config or Nothing, text)
        return (config,) if self.config else ()
