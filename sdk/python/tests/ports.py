"""Ports that stay one's own while nobody listens there."""

import random
import socket


def free(count: int) -> list[int]:
    """Find ports below those that systems give to whoever asks for any.

    What listened there may come again: no connection has taken its place.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found
