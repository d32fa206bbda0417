import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zipapp
from base64 import b64decode
from pathlib import Path
from queue import SimpleQueue
from shutil import copytree
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from headgate.plugin import certificate, goplugin, wire

HERE = Path(__file__).parent
# Seconds: far more than anything takes. No test measures time.
PATIENCE = 30
HANDSHAKE = ["1", "1", "unix", "grpc"]
# What the plugin of these tests prints to standard output, were it not guarded.
PRINTED = "printed while it is imported\n"


def pack(plugin: Path, to: Path) -> Path:
    """Pack a plugin's folder with the SDK, as its author does."""
    folder = to / "packed"
    copytree(plugin, folder)
    copytree(HERE.parent / "headgate", folder / "headgate")
    zipapp.create_archive(folder, to / "plugin.pyz")
    return to / "plugin.pyz"


class Router:
    """Starts a plugin and speaks to it, as a router does."""

    def __init__(self, plugin: Path, directory: str, **environment: str) -> None:
        self.directory = directory
        self.own = certificate.create()
        self.process = subprocess.Popen(
            [sys.executable, "-I", plugin],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                "HEADGATE_PLUGIN": "headgate.plugin.v1",
                "PLUGIN_PROTOCOL_VERSIONS": "1",
                "PLUGIN_UNIX_SOCKET_DIR": directory,
                "PLUGIN_CLIENT_CERT": self.own.pem.decode(),
            }
            | environment,
        )
        assert self.process.stdout
        self.line = self.process.stdout.readline().rstrip("\n").split("|")

    def connect(self, own: certificate.Certificate | None) -> Any:
        der = b64decode(self.line[5] + "==")
        server = x509.load_der_x509_certificate(der)
        trusted = server.public_bytes(serialization.Encoding.PEM)
        pair = (own.key_pem, own.pem) if own else (None, None)
        return grpc.secure_channel(
            f"unix:{self.line[3]}",
            grpc.ssl_channel_credentials(trusted, *pair),
            options=[
                ("grpc.ssl_target_name_override", "localhost"),
                ("grpc.max_receive_message_length", -1),
            ],
        )

    def end(self) -> tuple[int, str]:
        """Await the exit; give its status and what was written to stderr."""
        assert self.process.stderr
        errors = self.process.stderr.read()
        return self.process.wait(PATIENCE), errors


class Calls:
    """A router's calls."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def raw(self, path: str, request: bytes = b"") -> bytes:
        call = self.channel.unary_unary(path)
        answer: bytes = call(request, timeout=PATIENCE)
        return answer

    def begin(self, service: str, method: str, **request: Any) -> Any:
        call = self.channel.unary_unary(
            f"/headgate.plugin.v1.{service}/{method}",
            wire.V1[f"{method}Request"].SerializeToString,
            wire.V1[f"{method}Response"].FromString,
        )
        return call.future(wire.V1[f"{method}Request"](**request), timeout=PATIENCE)

    def plugin(self, method: str, **request: Any) -> Any:
        return self.begin("PluginService", method, **request).result()

    def configure(self, kind: str = "mark", **config: Any) -> Any:
        text = json.dumps(config).encode()
        policy = {"issuers": ["https://i"]}
        return self.plugin("Configure", kind=kind, config=text, policy=policy)

    def transforming(self, *events: Any) -> Any:
        return self.begin("TransformService", "Transform", kind="mark", events=events)

    def watch(self) -> tuple[Any, Any]:
        """Watch trust: give the bundles, and the function that answers them."""
        requests: SimpleQueue[Any] = SimpleQueue()
        call = self.channel.stream_stream(
            "/headgate.plugin.v1.ProviderService/WatchTrust",
            wire.V1["WatchTrustRequest"].SerializeToString,
            wire.V1["WatchTrustResponse"].FromString,
        )

        def send(**request: Any) -> None:
            requests.put(wire.V1["WatchTrustRequest"](**request))

        send(kind="keys")
        return call(iter(requests.get, None), timeout=PATIENCE), send


def event(id: str) -> Any:
    return wire.V1["Event"](id=id, data=b"{}", data_is_json=True)


class Process(unittest.TestCase):
    archive: Path

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.archive = pack(HERE / "every", Path(folder.name))

    def start(self, **environment: str) -> tuple[Router, Calls]:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        router = Router(self.archive, folder.name, **environment)
        self.addCleanup(self.kill, router.process)
        self.assertEqual(router.line[:3] + router.line[4:5], HANDSHAKE, router.line)
        channel = router.connect(router.own)
        self.addCleanup(channel.close)
        return router, Calls(channel)

    def kill(self, process: Any) -> None:
        with process:
            process.kill()

    def code(self, call: Any) -> Any:
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        return caught.exception.code()

    def test_a_day_of_a_plugin(self) -> None:
        router, calls = self.start()
        self.assertEqual(calls.raw("/grpc.health.v1.Health/Check"), b"\x08\x01")
        stdio = calls.channel.unary_stream("/plugin.GRPCStdio/StreamStdio")
        self.assertEqual(list(stdio(b"", timeout=PATIENCE)), [])

        got = calls.plugin("Describe", host_version="1")
        self.assertEqual((got.name, got.version), ("every", "1.2.3"))
        self.assertTrue(got.sdk.startswith("python/"))
        self.assertEqual([k.name for k in got.kinds], ["mark", "keys"])
        self.assertTrue(calls.plugin("Health").ready)

        code = self.code(calls.transforming(event("1")).result)
        self.assertEqual(code, grpc.StatusCode.FAILED_PRECONDITION)
        (fault,) = calls.configure(mark=1).diagnostics
        self.assertEqual(fault.path, "/mark")
        self.assertIn("has no kind no", calls.configure("no").diagnostics[0].text)
        calls.plugin("Configure", kind="mark", config=b'{"mark": "!"}', dry_run=True)
        code = self.code(calls.transforming(event("1")).result)
        self.assertEqual(code, grpc.StatusCode.FAILED_PRECONDITION)

        self.assertEqual(list(calls.configure(mark="!").diagnostics), [])
        self.assertEqual(list(calls.transforming().result().outcomes), [])
        events = event("a"), event("exit"), event("b")
        a, bad, b = calls.transforming(*events).result().outcomes
        for outcome, id in ((a, "a"), (b, "b")):
            (changed,) = outcome.replace.events
            self.assertEqual((changed.id, changed.data), (id, b'{"mark":"!"}'))
        self.assertEqual(bad.failure.reason, "SystemExit: no")
        self.assertEqual(list(calls.configure(mark="?").diagnostics), [])
        (a,) = calls.transforming(event("a")).result().outcomes
        self.assertEqual(a.replace.events[0].data, b'{"mark":"?"}')

        calls.plugin("Drain")
        self.assertFalse(calls.plugin("Health").ready)
        for call in (calls.transforming(event("a")).result, calls.configure):
            self.assertEqual(self.code(call), grpc.StatusCode.UNAVAILABLE)
        self.assertEqual(calls.raw("/plugin.GRPCController/Shutdown"), b"")
        status, errors = router.end()
        self.assertEqual(status, 0, errors)
        self.assertIn("printed while it is imported\n", errors)
        self.assertIn("printed while an event is marked\n", errors)
        self.assertIn("standard input is a pipe: False\n", errors)
        logged = [json.loads(s) for s in errors.splitlines() if s.startswith("{")]
        self.assertEqual([x["id"] for x in logged], ["a", "exit", "b", "a"])
        self.assertEqual(logged[0]["@message"], "marking")

    def test_data_near_the_cap(self) -> None:
        _, calls = self.start()
        calls.configure(mark="!")
        big = wire.V1["Event"](data=b'"%s"' % (b"x" * ((15 << 20) + 1000)))
        (outcome,) = calls.transforming(big).result().outcomes
        self.assertIn("TypeError", outcome.failure.reason)
        code = self.code(calls.transforming(big, big).result)
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.assertTrue(calls.plugin("Health").ready)

    def test_only_its_router_may_call(self) -> None:
        router, _ = self.start()
        for own in (None, certificate.create()):
            with router.connect(own) as channel:
                code = self.code(lambda: Calls(channel).plugin("Describe"))
                self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)
        with grpc.insecure_channel(f"unix:{router.line[3]}") as channel:
            code = self.code(lambda: Calls(channel).plugin("Describe"))
            self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)

    def test_the_line_has_no_padding(self) -> None:
        for der, text in ((b"a", "YQ"), (b"ab", "YWI"), (b"abc", "YWJj")):
            line = goplugin.handshake("/s", der)
            self.assertEqual(line, f"1|1|unix|/s|grpc|{text}\n")

    def test_the_key_is_p256(self) -> None:
        router, _ = self.start()
        server = x509.load_der_x509_certificate(b64decode(router.line[5] + "=="))
        key = server.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        self.assertIsInstance(key.curve, ec.SECP256R1)

    def test_sigterm_lets_calls_end(self) -> None:
        router, calls = self.start()
        release = Path(router.directory, "release")
        calls.configure(mark="!", until=str(release))
        under_way = calls.transforming(event("a"))
        self.await_log(router, "marking")
        os.kill(router.process.pid, signal.SIGINT)
        os.kill(router.process.pid, signal.SIGTERM)
        self.await_draining(calls)
        release.touch()
        (outcome,) = under_way.result().outcomes
        self.assertEqual(outcome.replace.events[0].data, b'{"mark":"!"}')
        self.assertEqual(router.end()[0], 0)

    def test_drain_waits_for_calls(self) -> None:
        router, calls = self.start()
        release = Path(router.directory, "release")
        calls.configure(mark="!", until=str(release))
        under_way = calls.transforming(event("a"))
        self.await_log(router, "marking")
        drain = calls.begin("PluginService", "Drain")
        self.await_draining(calls)
        self.assertFalse(drain.done())
        release.touch()
        drain.result()
        self.assertEqual(len(under_way.result().outcomes), 1)

    def test_it_ends_with_its_router(self) -> None:
        router, calls = self.start()
        calls.configure(mark="!", until="/no/such/file")
        under_way = calls.transforming(event("a"))
        self.await_log(router, "marking")
        assert router.process.stdin
        router.process.stdin.close()
        self.assertEqual(router.process.wait(PATIENCE), 3)
        self.assertEqual(self.code(under_way.result), grpc.StatusCode.UNAVAILABLE)

    def test_it_ends_with_its_parent(self) -> None:
        # The pipe to its standard input stays open: only its parent is gone.
        reading, writing = os.pipe()
        self.addCleanup(os.close, writing)
        with tempfile.TemporaryDirectory() as folder:
            child = [sys.executable, "-I", str(self.archive)]
            script = f"""import subprocess
p = subprocess.Popen({child!r}, stdout=subprocess.PIPE)
p.stdout.readline()"""
            environment = {
                "HEADGATE_PLUGIN": "headgate.plugin.v1",
                "PLUGIN_UNIX_SOCKET_DIR": folder,
                "PLUGIN_CLIENT_CERT": certificate.create().pem.decode(),
            }
            parent = subprocess.Popen(
                [sys.executable, "-c", script],
                env=environment,
                stdin=reading,
                stderr=subprocess.PIPE,
            )
            os.close(reading)
            # Standard error ends when nobody has it any more, the plugin included.
            parent.communicate(timeout=PATIENCE)

    def test_trust_is_watched(self) -> None:
        _, calls = self.start()
        calls.configure("keys")
        bundles, answer = calls.watch()
        first = next(bundles)
        (issuer,) = first.issuers
        self.assertEqual(
            (issuer.issuer, list(issuer.audiences)), ("https://i", ["first"])
        )
        answer(version=first.version, refused="too old")
        hint = {"kind": "keys", "issuer": "https://i", "key_id": "k"}
        calls.begin("ProviderService", "Hint", **hint).result()
        second = next(bundles)
        self.assertGreater(second.version, first.version)
        self.assertEqual(list(second.issuers[0].audiences), ["too old"])
        answer(version=second.version)

        calls.configure("keys")  # in the place of the one that is watched
        self.assertEqual(list(bundles), [])
        bundles, answer = calls.watch()
        third = next(bundles)
        self.assertGreater(third.version, second.version)
        answer(version=third.version)
        calls.plugin("Drain")
        self.assertEqual(list(bundles), [])
        code = self.code(lambda: next(calls.watch()[0]))
        self.assertEqual(code, grpc.StatusCode.UNAVAILABLE)

    def test_a_provider_that_cannot_go_on(self) -> None:
        _, calls = self.start()
        calls.configure("keys")
        bundles, answer = calls.watch()
        answer(version=next(bundles).version)
        hint = {"kind": "keys", "issuer": "https://i", "key_id": "broken"}
        calls.begin("ProviderService", "Hint", **hint).result()
        with self.assertRaisesRegex(grpc.RpcError, "cannot go on"):
            next(bundles)
        bundles, answer = calls.watch()
        answer(version=next(bundles).version + 1)
        with self.assertRaisesRegex(grpc.RpcError, "was answered"):
            next(bundles)

    def test_by_hand(self) -> None:
        command = [sys.executable, "-I", str(self.archive)]
        got = subprocess.run(command, capture_output=True, text=True, env={})
        self.assertEqual((got.returncode, got.stdout), (1, PRINTED))
        for wanted in (
            "every 1.2.3",
            "transform mark: Marks events.",
            "sha256",
            'kind = "keys"',
        ):
            self.assertIn(wanted, got.stderr)
        asked = subprocess.run(
            [*command, "--help"], capture_output=True, text=True, env={}
        )
        self.assertEqual((asked.returncode, asked.stdout), (0, PRINTED + got.stderr))

    def test_without_a_certificate_it_does_not_listen(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            router = Router(self.archive, folder, PLUGIN_CLIENT_CERT="")
            self.addCleanup(self.kill, router.process)
            status, errors = router.end()
            self.assertEqual((status, os.listdir(folder)), (1, []))
            self.assertIn("PLUGIN_CLIENT_CERT is not set", errors)

    def test_the_router_sets_the_level(self) -> None:
        router, calls = self.start(HEADGATE_PLUGIN_LOG="error")
        calls.configure(mark="!")
        calls.transforming(event("a")).result()
        router.process.terminate()
        self.assertNotIn("marking", router.end()[1])

    def await_draining(self, calls: Calls) -> None:
        until = time.monotonic() + PATIENCE
        while calls.plugin("Health").ready:
            self.assertLess(time.monotonic(), until, "it does not drain")

    def await_log(self, router: Router, text: str) -> None:
        """Read stderr until a line has the text, and go on reading it to nowhere."""
        errors = router.process.stderr
        assert errors
        for line in errors:
            if text in line:
                break


if __name__ == "__main__":
    unittest.main()
