"""The side of HashiCorp's go-plugin that every plugin has to have, version 1.8.

Its messages are empty or of one field, so they are written here as bytes.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import grpc

# The protocol of the handshake itself, and the major version of what is spoken after
# it: 1 is headgate.plugin.v1. A router that speaks none of it says so by itself.
CORE_PROTOCOL = 1
APP_PROTOCOL = 1

EMPTY = b""
# grpc.health.v1.HealthCheckResponse{status: SERVING}
SERVING = b"\x08\x01"


def handshake(socket: str, certificate: bytes) -> str:
    """Give the line that tells a router where the plugin listens, and as whom."""
    encoded = b64encode(certificate).rstrip(b"=").decode()
    return f"{CORE_PROTOCOL}|{APP_PROTOCOL}|unix|{socket}|grpc|{encoded}\n"


def generic(shutdown: Callable[[], None]) -> list[Any]:
    """Give go-plugin's services. shutdown is called when a router wants the end."""

    def check(request: bytes, context: Any) -> bytes:
        return SERVING

    def end(request: bytes, context: Any) -> bytes:
        # When the answer has left, or now if nobody waits for it.
        if not context.add_callback(shutdown):
            shutdown()
        return EMPTY

    def output(request: bytes, context: Any) -> Iterator[bytes]:
        return iter(())  # what is printed goes to standard error

    # Without serializers a message is its bytes.
    unary = grpc.unary_unary_rpc_method_handler
    stream = grpc.unary_stream_rpc_method_handler
    services: dict[str, Any] = {
        "grpc.health.v1.Health": {"Check": unary(check)},
        "plugin.GRPCController": {"Shutdown": unary(end)},
        "plugin.GRPCStdio": {"StreamStdio": stream(output)},
    }
    return [
        grpc.method_handlers_generic_handler(name, calls)
        for name, calls in services.items()
    ]
