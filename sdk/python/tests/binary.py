"""The router itself, as a process that may be killed."""

import os
import re
import subprocess
import time
import tomllib
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests import ports

# What the Go tests built; without it the tests of this are left out.
BINARY = os.environ.get("HEADGATE_TEST_BINARY", "")

CONFIG = """
[data]
dir = "data"
[[ingress]]
name = "edge"
listen = "http://127.0.0.1:{http}"
[[ingress]]
name = "direct"
listen = "tcp://127.0.0.1:{zmq}"
{curve}
[replies]
listen = "tcp://127.0.0.1:{replies}"
{curve}
[[auth]]
name = "edge-keys"
kind = "hmac"
keys = "dir:keys"
[[auth]]
name = "shop-keys"
kind = "ed25519"
keys = "dir:public"
[[channels]]
name = "commands"
class = "command"
listen = "tcp://127.0.0.1:{commands}"
{curve}
ack_timeout = "5s"
backoff = {{ min = "10ms", max = "100ms" }}
[[channels]]
name = "telemetry"
class = "telemetry"
listen = "tcp://127.0.0.1:{telemetry}"
{curve}
[[routes]]
name = "orders"
type = ["com.example.order.*"]
channels = ["commands", "telemetry"]
{more}
"""
PEER = """
[[peers]]
name = "{}"
curve = "{}"
channels = ["commands", "telemetry"]
ingress = ["direct"]
topics = ["com.example.order."]
"""
PORTS = "http", "zmq", "replies", "commands", "telemetry"


class Binary:
    """A router in a folder. Its addresses stay when it is started again."""

    def __init__(self, folder: Path, sealed: bool = False, more: str = "") -> None:
        self.folder = folder
        at = dict(zip(PORTS, ports.free(len(PORTS)), strict=True))
        curve = ""
        if sealed:  # with one peer
            curve = 'curve = { secret = "file:router.curve" }'
            self.server = self.run("key", "new", "--curve", "router").strip()
            more += self.peer("billing")
        text = CONFIG.format(curve=curve, more=more, **at)
        (folder / "headgate.toml").write_text(text)
        self.url = f"http://127.0.0.1:{at['http']}"
        self.zmq, self.commands, self.telemetry = (
            f"tcp://127.0.0.1:{at[name]}" for name in ("zmq", "commands", "telemetry")
        )
        for keys in ("keys", "public"):
            (folder / keys).mkdir(mode=0o700)
        self.run("key", "new", "k1", "--source", "**", "--type", "com.example.**")

    def key(self, file: str) -> tuple[str, str]:
        """Give secret and id of a key in a file."""
        found = tomllib.loads((self.folder / file).read_text())
        return found["secret"], found["id"]

    def run(self, *args: str) -> str:
        done = subprocess.run(
            [BINARY, *args], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise AssertionError(f"{args}: {done.stdout}{done.stderr}")
        return done.stdout

    def peer(self, name: str) -> str:
        """Make a CURVE key, and give the configuration that admits it."""
        return PEER.format(name, self.run("key", "new", "--curve", name).strip())

    def change(self, more: str) -> None:
        """Put more configuration in place while it runs."""
        with (self.folder / "headgate.toml").open("a") as config:
            config.write(more)
        self.run("reload", "--wait")

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "run"], cwd=self.folder, stderr=log
            )
        end = time.monotonic() + 60
        while True:
            try:
                with urlopen(f"{self.url}/.well-known/jwks.json", timeout=5) as answer:
                    (self.folder / "keys.json").write_bytes(answer.read())
                return
            except (URLError, ConnectionError):
                if time.monotonic() > end or self.process.poll() is not None:
                    log_text = (self.folder / "log").read_text()
                    raise AssertionError(f"it does not start: {log_text}") from None
                time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def dead(self) -> list[str]:
        """Name the dead letters."""
        return re.findall(r"order-\d+", self.run("dlq", "list"))
