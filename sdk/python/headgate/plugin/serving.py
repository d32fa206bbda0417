"""The one call in a plugin's main."""

import os
import sys
import traceback
from typing import NoReturn

from headgate.plugin import stdio
from headgate.plugin.kind import Kind
from headgate.plugin.offer import Offer

INSTALL = """install python3-grpcio, python3-protobuf and python3-cryptography (Debian),
or grpcio, protobuf and cryptography (pip)"""


def serve(*kinds: Kind, name: str | None = None) -> NoReturn:
    """Serve a plugin to the router that started this process; it never returns.

    The plugin has the name of its first kind unless it says another. Started by hand
    it prints how to tell a router of it, and exits 1, or 0 with --help.
    """
    offer = Offer(kinds, name)
    kept = stdio.guard()
    if kept is None:
        asked = "--help" in sys.argv[1:] or "-h" in sys.argv[1:]
        print(offer.introduction(), file=sys.stdout if asked else sys.stderr)
        sys.exit(0 if asked else 1)
    code = 1
    try:
        # Only here: what a plugin's tests import needs neither gRPC nor protobuf.
        from headgate.plugin.process import Process

        process = Process(offer, kept)
        code = process.run()
    except ModuleNotFoundError as e:
        print(f"plugin {offer.name}: {e}: {INSTALL}", file=sys.stderr)
    except (OSError, RuntimeError) as e:
        print(f"plugin {offer.name}: {e}", file=sys.stderr)
    except Exception:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # whatever threads the plugin has left
