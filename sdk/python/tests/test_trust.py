"""Hold headgate.consumer against what it refuses, and whom it trusts."""

import json
import os
import tempfile
import threading
import unittest
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast
from unittest import mock

import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate.consumer import Consumer, Curve, Delivery, Subscriber, parse_keys
from headgate.consumer import keys as keysource
from headgate.consumer import shift as shifts
from headgate.consumer import subscriber as subscribing
from headgate.sockets import Socket
from tests import ports
from tests.consuming import QUIET, Case, nothing
from tests.router import KEY, KEYS, SOURCE, Router, Running, keys, order, until
from tests.vectors import load

OTHER = Ed25519PrivateKey.from_private_bytes(bytes([8]) * 32)


class Refusals(Case):
    def test_each_check(self) -> None:
        consumer = self.consumer()
        self.running(consumer, nothing)
        good = order(1, reply=self.router.reply)
        spoilt = [*good[:2], good[2].replace(b"1", b"2"), *good[3:]]
        for frames in (
            good[:4],
            spoilt,
            order(1, key=OTHER, reply=self.router.reply),
            order(1, channel="others", reply=self.router.reply),
            order(1, exp=1, reply=self.router.reply),
            order(1, id="other", reply=self.router.reply),
            order(1, kid="unknown", reply=self.router.reply),
            order(1),  # nowhere to reply to
            order(1, reply="nonsense"),
        ):
            self.router.send(frames)
        self.router.deliver(2)
        self.expect(2, "done")
        self.assertTrue(self.router.silent())
        want = {"frames": 1, "root": 2, "channel": 1, "expired": 1, "identity": 1}
        self.assertEqual(consumer.counts.refused, want | {"kid": 1, "reply": 2})

    def test_told_once_a_second(self) -> None:
        consumer = self.consumer()
        self.running(consumer, nothing)
        with self.assertLogs(QUIET, "WARNING") as logs:
            for _ in range(20):
                self.router.send(order(1, exp=1))
            until(lambda: consumer.counts.refused.get("expired") == 20, "all")
        self.assertLess(len(logs.output), 20)
        self.assertIn("refused: expired", logs.output[0])

    def test_what_is_too_large_costs_itself_alone(self) -> None:
        event = {"specversion": "1.0", "id": "big", "source": SOURCE, "type": "t"}
        consumer = self.consumer(max_event=1000)
        with self.assertLogs(QUIET, "INFO") as logs:
            self.running(consumer, nothing)
            self.router.deliver(1, event=event | {"data": "x" * 1000})
            self.router.deliver(2)
            self.expect(2, "done")
        self.assertEqual(consumer.counts.refused, {"size": 1})
        self.assertNotIn("disconnected", " ".join(logs.output))

    def test_a_connection_that_libzmq_ends_is_made_again(self) -> None:
        for module in (shifts, subscribing):
            with mock.patch.object(module, "MAX_FRAME", 10_000):
                kind = zmq.PUSH if module is shifts else zmq.XPUB
                router = Router(kind)
                self.addCleanup(router.close)
                made = Consumer if module is shifts else Subscriber
                who = made(router.at, channel="commands", keys=keys(), log=QUIET)
                running = self.running(cast(Consumer, who), nothing)
                if kind == zmq.XPUB:
                    router.channel.recv()
                router.send([b"x" * 10_001])
                if kind == zmq.XPUB:
                    for told in (b"\0", b"\1"):  # it left, and came back
                        self.assertEqual(router.channel.recv(), told)
                else:
                    until(lambda r=router: not r.channel.poll(0, zmq.POLLOUT), "gone")
                router.deliver(1)
                until(lambda w=who: w.counts.opened == 1, "it is back")
                running.stop()

    def test_producers(self) -> None:
        dsse = load("dsse.json")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "producers.json"
            path.write_text(json.dumps(dsse["producers"]))
            consumer = self.consumer(producers=path)
            got: SimpleQueue[Delivery] = SimpleQueue()
            self.running(consumer, got.put)
            good = dsse["verify"][1]["event"][:-1] + ',"unsigned":"x"}'
            self.router.deliver(1)
            self.router.deliver(2, text=good.replace("12.50", "99.50"))
            self.router.deliver(3, text=good, transforms=[{"name": "mask"}])
            self.router.deliver(4, text=good)
            self.assertEqual(self.router.next()["id"], json.loads(good)["id"])
            self.assertNotIn("unsigned", got.get().event)
            want = {"dsse_absent": 1, "dsse_core_mismatch": 1, "transformed": 1}
            self.assertEqual(consumer.counts.refused, want)


class KeySources(Case):
    def file(self, text: str) -> Path:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "keys.json"
        path.write_text(text)
        return path

    def test_a_file_is_followed(self) -> None:
        other = {"kty": "OKP", "crv": "Ed25519", "kid": "other", "x": "A" * 43}
        path = self.file(json.dumps({"keys": [other]}))
        with (
            mock.patch.object(keysource, "LOOK", 0.01),
            mock.patch.object(shifts, "LOOK", 0.01),
            self.assertLogs(QUIET, "WARNING") as logs,
        ):
            consumer = self.consumer(keys=path)
            self.running(consumer, nothing)
            self.router.deliver(1)
            until(lambda: consumer.counts.refused.get("kid", 0) > 0, "it is parked")
            path.write_text(KEYS)
            self.expect(1, "done")  # what waited for its key
            path.write_text("{}")
            until(lambda: "changes nothing" in logs.output[-1], "it is told")
            self.router.deliver(2)
            self.expect(2, "done")
        self.assertEqual(sum("changes nothing" in line for line in logs.output), 1)

    def test_start(self) -> None:
        with self.assertRaisesRegex(FileNotFoundError, "nowhere"):
            self.consumer(keys="/nowhere/keys.json").run(nothing)
        with self.assertRaisesRegex(ValueError, "keys.json: not a JWK Set"):
            self.consumer(keys=self.file("{}")).run(nothing)
        self.running(self.consumer(), nothing)
        self.router.deliver(1)
        self.expect(1, "done")

    def test_a_url_is_asked_again_for_an_unknown_key(self) -> None:
        with server() as (url, asked, answers):
            other = KEYS.replace(json.loads(KEYS)["keys"][0]["kid"], "before")
            answers += [(200, other), (200, KEYS)]
            consumer = self.consumer(keys=url)
            self.running(consumer, nothing)
            self.router.deliver(1)
            self.expect(1, "done")
            # Forged ones cost the server nothing: it has just been asked.
            for n in range(5):
                self.router.deliver(n, kid=f"forged-{n}")
            until(lambda: consumer.counts.refused["kid"] >= 6, "they are refused")
            self.router.deliver(2)
            self.expect(2, "done")
            self.assertEqual(len(asked), 2)

    def test_no_proxy_sees_what_is_not_sealed(self) -> None:
        gone = f"http://127.0.0.1:{ports.free(1)[0]}"
        with server() as (url, _, answers):
            answers.append((200, KEYS))
            with mock.patch.dict(os.environ, http_proxy=gone, no_proxy=""):
                self.running(self.consumer(keys=url), nothing)
                self.router.deliver(1)
                self.expect(1, "done")

    def test_what_a_url_may_not_do(self) -> None:
        for url in ("http://keys.example/", "ftp://127.0.0.1/", "https://a:b@c/"):
            if url.startswith("ftp"):
                continue  # a path, as any other text
            with self.assertRaises(ValueError):
                self.consumer(keys=url)
        with server() as (url, asked, answers):
            for answer in ((302, url), (404, ""), (200, "{}"), (200, " " * 5_000_000)):
                answers.append(answer)
                with self.assertRaises((OSError, ValueError)):
                    self.consumer(keys=url).run(nothing)
            self.assertEqual(len(asked), 4)  # the redirect was not followed


@contextmanager
def server() -> Generator[tuple[str, list[str], list[tuple[int, str]]]]:
    asked: list[str] = []
    answers: list[tuple[int, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, text = answers.pop(0)
            self.send_response(status)
            if status == 302:
                self.send_header("location", text)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}/keys", asked, answers
        finally:
            httpd.shutdown()
            thread.join()


class Sealed(unittest.TestCase):
    def test_curve(self) -> None:
        public, secret = zmq.curve_keypair()
        own = zmq.curve_keypair()[1].decode()

        def seal(s: Socket) -> None:
            s.curve_secretkey, s.curve_publickey = secret, public
            s.curve_server = True

        router = Router(seal=seal)
        self.addCleanup(router.close)
        wrong = zmq.curve_keypair()[0]
        for server, good in ((wrong, False), (public, True)):
            curve = Curve(server.decode(), own)
            self.assertNotIn(own, repr(curve))
            consumer = Consumer(
                router.at, channel="commands", keys=keys(), curve=curve, log=QUIET
            )
            with self.assertLogs(QUIET, "INFO") as logs:
                running = Running(consumer, nothing)
                if good:
                    router.deliver(1)
                    self.assertEqual(router.next()["status"], "done")
                else:
                    until(lambda logs=logs: len(logs.output) > 0, "it is told")
                running.stop()
            self.assertEqual(good, "connected" in logs.output[0])

    def test_keys_that_are_none(self) -> None:
        good = zmq.curve_keypair()[0].decode()
        for server, secret in (("x", good), (good, ""), (good, "é" * 40)):
            with self.assertRaises(ValueError) as told:
                Curve(server, secret)
            if secret:
                self.assertNotIn(secret, str(told.exception))


class Telemetry(unittest.TestCase):
    def test_subscriber(self) -> None:
        router = Router(zmq.XPUB)
        self.addCleanup(router.close)
        got: SimpleQueue[str] = SimpleQueue()

        def each(d: Delivery) -> None:
            got.put(d.event["id"])
            if d.event["id"] == "order-1":
                raise KeyError("x")

        subscriber = Subscriber(
            router.at,
            channel="telemetry",
            keys=keys(),
            topics=["com.example.order."],
            log=QUIET,
        )
        running = Running(subscriber, each)
        self.addCleanup(running.stop)
        self.assertEqual(router.channel.recv(), b"\1com.example.order.")
        other = {"specversion": "1.0", "id": "x", "source": "/", "type": "other"}
        router.deliver(0, channel="telemetry", event=other)
        router.deliver(0, channel="telemetry", key=OTHER)
        router.deliver(1, channel="telemetry")
        router.deliver(2, channel="telemetry")
        self.assertEqual([got.get(timeout=20) for _ in "12"], ["order-1", "order-2"])
        running.stop()
        counts = subscriber.counts
        self.assertEqual([counts.opened, counts.raised], [2, 1])
        self.assertEqual(counts.refused, {"root": 1})
        self.assertTrue(router.silent())


class Options(unittest.TestCase):
    def test_refused(self) -> None:
        good: dict[str, Any] = {"channel": "c", "keys": keys()}
        at = "tcp://127.0.0.1:1"
        Consumer(at, **good)
        changes: list[tuple[Any, dict[str, Any]]] = [
            ([], {}),
            (at, {"channel": ""}),
            (at, {"keys": {}}),
            (at, {"producers": []}),
            (at, {"parallel": 0}),
            (at, {"grace": -1}),
        ]
        for connect, change in changes:
            with self.subTest(change), self.assertRaises(ValueError):
                Consumer(connect, **(good | change))
        with self.assertRaises(ValueError):
            Consumer("nonsense", **good).run(nothing)
        with self.assertRaises(ValueError):
            Subscriber(at, topics="a", **good)
        self.assertEqual(list(parse_keys(KEYS.encode())), list(keys()))
        self.assertTrue(KEY)
