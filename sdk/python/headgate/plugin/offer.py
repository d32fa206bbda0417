"""What a plugin process offers."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from headgate.plugin.kind import Kind
from headgate.plugin.transform import Transform


class Offer:
    """The kinds of one plugin, with its name and version."""

    def __init__(self, kinds: Sequence[Kind], name: str | None) -> None:
        if not kinds:
            raise ValueError("a plugin offers at least one transform or provider")
        self.kinds = {kind.name: kind for kind in kinds}
        if len(self.kinds) < len(kinds):
            raise ValueError("two kinds of a plugin have the same name")
        if len({kind.version for kind in kinds}) > 1:
            raise ValueError("the kinds of a plugin have one version, the plugin's")
        self.name = name or kinds[0].name
        self.version = kinds[0].version

    def introduction(self) -> str:
        """Tell somebody who started the plugin by hand what to do with it."""
        who = f"{self.name} {self.version}"
        lines = [
            f"{who} is a plugin of headgate, an event router, which starts it.",
            "",
        ]
        for kind in self.kinds.values():
            doc = f": {kind.doc}" if kind.doc else ""
            lines.append(f"  {type(kind).__name__.lower()} {kind.name}{doc}")
        file = Path(sys.argv[0]).resolve()
        if not file.is_file():
            pack = f"python3 -m zipapp {file} -o {file.name}.pyz"
            return "\n".join([*lines, "", f"To use it, pack it: {pack}"])
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        lines += ["", "To use it, name it in headgate.toml:"]
        for kind in self.kinds.values():
            section = "transforms" if isinstance(kind, Transform) else "auth"
            lines += [
                "",
                f"[[{section}]]",
                f'name = "{kind.name}"',
                f'plugin = "{self.name}"',
                *([f'kind = "{kind.name}"'] if len(self.kinds) > 1 else []),
                f'path = "{file}"',
                f'sha256 = "{sha256}"',
                'command = ["python3", "-I"]',
            ]
        return "\n".join(lines)
