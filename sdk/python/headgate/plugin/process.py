"""A plugin's process: from the handshake to its end."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc

from headgate.plugin import certificate, goplugin, loglines
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
# Seconds for the last answers to leave. A router kills two seconds after Shutdown.
LAST = 1.0

LEVEL = "HEADGATE_PLUGIN_LOG"
LEVELS = {"debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR"}


class Process:
    """Serves an offer to the router that started the process."""

    def __init__(self, offer: Offer, stdio: Stdio) -> None:
        self.offer = offer
        self.stdio = stdio
        self.rpc = Rpc(offer)
        self.over = Event()
        self.drains = False

    def run(self) -> int:
        """Serve until the router or a SIGTERM ends it. The process then has to exit."""
        Parent(self.stdio.router).watch()
        loglines.install(LEVELS.get(os.environ.get(LEVEL, ""), "INFO"))
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the router's to act on
        signal.signal(signal.SIGTERM, self.terminate)
        server = self.listen()
        self.over.wait()
        self.rpc.stop(GRACE if self.drains else 0)
        server.stop(LAST).wait()
        return 0

    def listen(self) -> Any:
        """Start the server, and tell the router where it is."""
        # Without them anybody on this machine could call the plugin.
        client = needed("PLUGIN_CLIENT_CERT")
        socket = os.path.join(needed("PLUGIN_UNIX_SOCKET_DIR"), "plugin.sock")
        own = certificate.create()
        server = grpc.server(
            ThreadPoolExecutor(THREADS),
            options=[
                ("grpc.max_receive_message_length", MAX_BYTES),
                ("grpc.max_send_message_length", MAX_BYTES),
            ],
        )
        services = self.rpc.generic() + goplugin.generic(self.over.set)
        server.add_generic_rpc_handlers(services)
        credentials = grpc.ssl_server_credentials(
            [(own.key_pem, own.pem)], client.encode(), require_client_auth=True
        )
        if not server.add_secure_port(f"unix:{socket}", credentials):
            raise OSError(f"cannot listen on {socket}")
        server.start()
        os.write(self.stdio.handshake, goplugin.handshake(socket, own.der).encode())
        os.close(self.stdio.handshake)  # the router reads that there is no more
        return server

    def terminate(self, *_: object) -> None:
        self.drains = True
        self.over.set()


def needed(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise OSError(f"{name} is not set: a plugin is started by a router")
    return value
