"""A plugin's process: from the handshake to its end."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from headgate.plugin import certificate, goplugin, loglines
from headgate.plugin.end import End
from headgate.plugin.offer import Offer
from headgate.plugin.parent import Parent
from headgate.plugin.rpc import Rpc
from headgate.plugin.stdio import Stdio

# Bytes of one request and of one answer: what a router sends and takes.
MAX_BYTES = 16 << 20
# Calls at once; more wait. Python runs one at a time, the others wait for something.
# Each watch of a provider takes one for as long as it lasts.
THREADS = 32
# Seconds for calls under way after a SIGTERM. Service managers kill after ten.
GRACE = 8.0

LEVEL = "HEADGATE_PLUGIN_LOG"
LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


class Process:
    """Serves an offer to the router that started the process."""

    def __init__(self, offer: Offer, stdio: Stdio) -> None:
        self.stdio = stdio
        self.rpc = Rpc(offer)
        # It goes on until the exit. Stopped, it would cancel the calls that still come;
        # so they are refused as unavailable, or their connection ends.
        self.server: Any = None

    def run(self) -> int:
        """Serve until the router or a SIGTERM ends it. The process then has to exit."""
        Parent(self.stdio.router).watch()
        loglines.install(LEVELS.get(os.environ.get(LEVEL, ""), "INFO"))
        end = End()
        self.listen(end)
        self.rpc.stop(GRACE if end.wait() == signal.SIGTERM else 0)
        return 0

    def listen(self, end: End) -> None:
        """Start the server, and tell the router where it is."""
        # Without them anybody on this machine could call the plugin.
        client = needed("PLUGIN_CLIENT_CERT")
        socket = os.path.join(needed("PLUGIN_UNIX_SOCKET_DIR"), "plugin.sock")
        own = certificate.create()
        self.server = grpc.server(
            ThreadPoolExecutor(THREADS),
            options=[
                ("grpc.max_receive_message_length", MAX_BYTES),
                ("grpc.max_send_message_length", MAX_BYTES),
            ],
        )
        services = self.rpc.generic() + goplugin.generic(end.shutdown)
        self.server.add_generic_rpc_handlers(services)
        credentials = grpc.ssl_server_credentials(
            [(own.key_pem, own.pem)], client.encode(), require_client_auth=True
        )
        if not self.server.add_secure_port(f"unix:{socket}", credentials):
            raise OSError(f"cannot listen on {socket}")
        self.server.start()
        os.write(self.stdio.handshake, goplugin.handshake(socket, own.der).encode())
        os.close(self.stdio.handshake)  # the router reads that there is no more


def needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise OSError(f"{name} is not set: a plugin is started by a router")
    return value
