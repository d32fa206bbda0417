"""What is wrong with a configuration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One fault of a configuration."""

    path: str  # JSON Pointer (RFC 6901) into the configuration; empty for the whole
    text: str  # what is wrong and what to do; never a value that may be secret


class Diagnostics(Exception):
    """All faults of a configuration. A Config's __post_init__ may raise it."""

    def __init__(self, *faults: Diagnostic) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(f"{f.path}: {f.text}".removeprefix(": ") for f in self.faults)


def pointer(path: str, name: str) -> str:
    """Add one step to a JSON Pointer (RFC 6901, section 3)."""
    return path + "/" + name.replace("~", "~0").replace("/", "~1")
