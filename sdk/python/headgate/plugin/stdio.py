"""Standard input and output, which belong to the router.

On standard output a router expects one line; standard input tells it when the
plugin's router is gone. Both are taken away before user code can use them.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

# Not a secret: it tells a start by a router from one by hand.
COOKIE = "HEADGATE_PLUGIN", "headgate.plugin.v1"


@dataclass(frozen=True)
class Stdio:
    """What a router connected before the guard took it: two descriptors."""

    router: int  # what was standard input; it ends with the router
    handshake: int  # what was standard output


def started_by_router() -> bool:
    name, value = COOKIE
    return os.environ.get(name) == value


@cache
def guard() -> Stdio | None:
    """Point standard output to standard error, and standard input to nothing.

    It does so once, and only in a process that a router started.
    """
    if not started_by_router():
        return None
    kept = Stdio(router=os.dup(0), handshake=os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    out: Any = sys.stdout
    if hasattr(out, "reconfigure"):
        out.reconfigure(line_buffering=True)
    return kept
