"""Producer, router and consumer as they are, through kills and restarts."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from headgate.consumer import Consumer, Curve, Delivery, Failed, Retry, Subscriber
from headgate.producer import (
    Answer,
    EventSigner,
    Producer,
    SendError,
    ed25519,
    hmac,
    make_event,
)
from tests.binary import BINARY, Binary
from tests.router import Running, until

QUIET = logging.getLogger("headgate.tests")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

EVENT_KEYS = """
[[event_keys]]
id = "till"
source = "//shop.example/**"
public = "file:till.pem"
"""
SOURCE, TYPE = "//shop.example/till", "com.example.order.created"


def order(n: int) -> Any:
    return make_event(TYPE, SOURCE, {"n": n}, id=f"order-{n}")


@unittest.skipUnless(BINARY, "HEADGATE_TEST_BINARY names no router")
class Case(unittest.TestCase):
    def folder(self) -> Path:
        folder = tempfile.TemporaryDirectory(prefix="hg")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def started(self, **given: Any) -> Binary:
        return self.start(Binary(self.folder(), **given))

    def start(self, binary: Binary) -> Binary:
        binary.start()
        self.addCleanup(binary.kill)
        return binary

    def producer(self, binary: Binary, to: str, **given: Any) -> Producer:
        credential = given.pop("credential", None) or hmac(*binary.key("keys/k1.toml"))
        producer = Producer(to, credential, log=QUIET, **given)
        self.addCleanup(producer.close)
        return producer

    def consuming(self, binary: Binary, work: Any, batch: int = 0, **given: Any) -> Any:
        given.setdefault("keys", binary.folder / "keys.json")
        consumer = Consumer(binary.commands, channel="commands", log=QUIET, **given)
        running = Running(consumer, work, **({"batch": batch} if batch else {}))
        self.addCleanup(running.stop)
        return running


class Losses(Case):
    def test_kills_lose_nothing(self) -> None:
        binary = self.started()
        worked: SimpleQueue[str] = SimpleQueue()
        running = self.consuming(
            binary, lambda d: worked.put(d.event["id"]), parallel=2
        )
        ends: dict[str, Answer] = {}
        events = 150
        senders = [
            self.producer(binary, to, tries=100, timeout=2)
            for to in (binary.url, binary.zmq)
        ]

        def send(which: int) -> None:
            for n in range(which, events, 2):
                event = order(n)
                ends[event["id"]] = senders[which].send(event)
                again = senders[which].send(event)
                if again.status != "duplicate":
                    raise AssertionError(f"sent twice, it is {again}")

        threads = [threading.Thread(target=send, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for kill in (1, 2, 3):
            until(lambda k=kill: len(ends) >= k * events // 5, "some are sent")
            binary.kill()
            binary.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(len(ends), events)
        said = {a.status for a in ends.values()}
        self.assertLessEqual(said, {"accepted", "duplicate"})
        status = senders[0].status
        for n in range(events):
            until(lambda n=n: status(SOURCE, f"order-{n}")["state"] == "done", f"{n}")
        running.stop()
        got = [worked.get() for _ in range(worked.qsize())]
        self.assertEqual(sorted(set(got)), sorted(ends))  # none is lost
        self.assertEqual(len(got), events)  # and none done twice, here
        self.assertEqual(binary.dead(), [])

    def test_a_consumer_that_is_killed(self) -> None:
        binary = self.started()
        producer = self.producer(binary, binary.url)
        for n in range(3):
            producer.send(order(n))
        program = (
            "import sys, time\n"
            "from headgate.consumer import Consumer\n"
            "def act(d): print(d.event['id'], flush=True); time.sleep(60)\n"
            "Consumer(sys.argv[1], channel='commands', keys=sys.argv[2]).run(act)\n"
        )
        killed = subprocess.Popen(
            [sys.executable, "-c", program, binary.commands, "keys.json"],
            cwd=binary.folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert killed.stdout is not None
        held = killed.stdout.readline().strip()
        killed.kill()
        killed.wait()
        killed.stdout.close()
        attempts: dict[str, int] = {}

        def work(d: Delivery) -> None:
            attempts[d.event["id"]] = d.attempt

        self.consuming(binary, work)
        until(lambda: len(attempts) == 3, "all three")
        self.assertEqual(attempts[held], 2)


class Ends(Case):
    def test_each_arrives(self) -> None:
        binary = self.started()
        producer = self.producer(binary, binary.zmq)
        ends: dict[int, Any] = {1: {"total": 7}, 2: Failed("no such order")}

        def work(d: Delivery) -> Any:
            n = d.event["data"]["n"]
            if n == 3 and d.attempt < 3:
                raise Retry("busy", 0.05)
            if n == 4 and d.attempt < 2:
                raise KeyError("x")
            end = ends.get(n)
            if isinstance(end, Exception):
                raise end
            return end

        self.consuming(binary, work)
        answers = [producer.send(order(n), wait=20) for n in (1, 2, 3, 4)]
        got = [answer.status for answer in answers]
        self.assertEqual(got, ["done", "failed", "done", "done"])
        ways = [(answer.channels or {})["commands"] for answer in answers]
        self.assertEqual(ways[0]["result"], {"total": 7})
        self.assertEqual(ways[1]["reason"], "no such order")
        self.assertEqual([way["attempt"] for way in ways], [1, 1, 3, 2])
        self.assertEqual(binary.dead(), ["order-2"])

    def test_batches(self) -> None:
        binary = self.started()
        producer = self.producer(binary, binary.url)
        events = [order(n) for n in range(40)]
        refused = make_event("org.other", SOURCE)
        results = producer.send_batch([*events, refused])
        taken = [r.status for r in results[:-1] if isinstance(r, Answer)]
        self.assertEqual(taken, ["accepted"] * 40)
        assert isinstance(results[-1], SendError)
        self.assertIn(results[-1].code, ("forbidden", "no_route"))
        sizes: list[int] = []

        def work(ds: list[Delivery]) -> list[Any]:
            sizes.append(len(ds))
            odd = Failed("odd")
            return [odd if d.event["data"]["n"] % 2 else None for d in ds]

        self.consuming(binary, work, batch=16)
        for n in range(40):
            want = "failed" if n % 2 else "done"
            until(
                lambda n=n, w=want: producer.status(SOURCE, f"order-{n}")["state"] == w,
                f"order {n} is {want}",
            )
        self.assertEqual(sum(sizes), 40)
        self.assertGreater(max(sizes), 1)

    def test_slow_work_keeps_its_lease(self) -> None:
        binary = self.started()
        attempts: list[int] = []

        def work(d: Delivery) -> None:
            attempts.append(d.attempt)
            time.sleep(6)  # beyond ack_timeout

        self.consuming(binary, work, progress_every=0.5)
        producer = self.producer(binary, binary.url)
        self.assertEqual(producer.send(order(1), wait=20).status, "done")
        self.assertEqual(attempts, [1])

    def test_an_end_gives_back(self) -> None:
        binary = self.started()
        producer = self.producer(binary, binary.url)
        producer.send_batch([order(n) for n in range(30)])
        begun, release = threading.Event(), threading.Event()

        def work(_: Delivery) -> None:
            begun.set()
            release.wait()

        running = self.consuming(binary, work)
        begun.wait()
        running.who.stop()
        release.set()
        running.join()
        self.consuming(binary, lambda _: None)
        for n in range(30):
            until(
                lambda n=n: producer.status(SOURCE, f"order-{n}")["state"] == "done",
                f"order {n} is done",
            )
        self.assertEqual(binary.dead(), [])


class Trust(Case):
    def test_a_wrong_credential(self) -> None:
        binary = self.started()
        stranger = hmac("whsec_" + "AAAA" * 10 + "AAA=", "k1")
        for to in (binary.url, binary.zmq):
            producer = self.producer(binary, to, credential=stranger)
            with self.assertRaises(SendError) as told:
                producer.send(order(1))
            got = [told.exception.code, told.exception.status]
            self.assertEqual(got, ["unauthenticated", 401])
            self.assertFalse(told.exception.retryable)
        with self.assertRaises(SendError) as told:
            self.producer(binary, binary.url).status(SOURCE, "order-1")
        self.assertEqual(told.exception.code, "not_found")

    def test_a_wrong_router_key(self) -> None:
        binary, other = self.started(), self.started()
        good = json.loads((other.folder / "keys.json").read_text())
        own = json.loads((binary.folder / "keys.json").read_text())
        # The kid is the router's and the key is another's.
        good["keys"][0]["kid"] = own["keys"][0]["kid"]
        wrong = binary.folder / "wrong.json"
        wrong.write_text(json.dumps(good))
        worked: list[Any] = []
        running = self.consuming(binary, worked.append, keys=wrong)
        self.producer(binary, binary.url).send(order(1))
        until(lambda: running.who.counts.refused.get("root", 0) > 0, "it is refused")
        running.stop()
        self.assertEqual(worked, [])

    def test_ed25519_and_event_keys(self) -> None:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        folder = self.folder()
        (folder / "till.pem").write_bytes(public)
        binary = Binary(folder, more=EVENT_KEYS)
        binary.run(
            *"key new shop --auth shop-keys --type com.example.**".split(),
            *"--source ** --out shop.toml".split(),
        )
        self.start(binary)
        producers = binary.folder / "producers.json"
        producers.write_text(binary.run("key", "export", "--producers"))
        got: SimpleQueue[Delivery] = SimpleQueue()
        running = self.consuming(
            binary,
            got.put,
            keys=f"{binary.url}/.well-known/jwks.json",
            producers=producers,
        )
        own = ed25519(*binary.key("shop.toml"))
        signing = self.producer(
            binary, binary.zmq, credential=own, event_signer=EventSigner(key, "till")
        )
        self.assertEqual(signing.send(order(2), wait=20).status, "done")
        delivery = got.get()
        self.assertEqual(delivery.event["id"], "order-2")
        self.assertEqual(delivery.header["proof"]["event"], "dsse")
        self.producer(binary, binary.url, credential=own).send(order(1))
        until(lambda: "dsse_absent" in running.who.counts.refused, "it is refused")
        self.assertTrue(got.empty())

    def test_receipts(self) -> None:
        binary = self.started()
        answer = self.producer(binary, binary.url).send(order(1), receipt=True)
        receipt = binary.folder / "receipt"
        receipt.write_text(answer.receipt or "")
        told = binary.run("audit", "receipt", "receipt", "--keys", "keys.json")
        self.assertIn("order-1", told)

    def test_curve(self) -> None:
        binary = self.started(sealed=True)
        server = binary.server
        curve = Curve.from_file(server, str(binary.folder / "billing.curve"))
        got: SimpleQueue[str] = SimpleQueue()
        subscriber = Subscriber(
            binary.telemetry,
            channel="telemetry",
            keys=binary.folder / "keys.json",
            topics=["com.example.order."],
            curve=curve,
            log=QUIET,
        )
        subscribed = Running(subscriber, lambda d: got.put(d.event["id"]))
        self.addCleanup(subscribed.stop)
        running = self.consuming(binary, lambda d: d.attempt, curve=curve)
        producer = self.producer(binary, binary.zmq, curve=curve)
        n = 0
        while got.empty():  # a subscription travels after the handshake
            n += 1
            self.assertEqual(producer.send(order(n), wait=20).status, "done")
        self.assertEqual(running.who.counts.done, n)
        admitted = binary.peer("stranger")
        stranger = Curve.from_file(server, str(binary.folder / "stranger.curve"))
        refused = self.producer(binary, binary.zmq, curve=stranger, tries=1, timeout=5)
        with self.assertRaises(SendError) as told:
            refused.send(order(0))
        self.assertEqual(told.exception.code, "unreachable")
        self.assertIn("does not know this side's CURVE key", str(told.exception))
        # Once the router is told of it, it is let in, by those who wait for that.
        running.stop()
        late: SimpleQueue[str] = SimpleQueue()
        waiting = self.consuming(
            binary, lambda d: late.put(d.event["id"]), curve=stranger
        )
        binary.change(admitted)
        self.assertEqual(refused.send(order(0), wait=20).status, "done")
        self.assertEqual(late.get(timeout=20), "order-0")
        waiting.stop()
