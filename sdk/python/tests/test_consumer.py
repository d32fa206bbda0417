"""Hold headgate.consumer against what it promises, with a router that tests make."""

import json
import os
import signal
import threading
import time
from decimal import Decimal
from queue import SimpleQueue
from typing import Any, cast
from unittest import mock

from headgate.consumer import Consumer, Delivery, Failed, Retry
from headgate.consumer import shift as shifts
from headgate.consumer.memory import MAX_RESULTS, Memory
from tests import ports
from tests.consuming import QUIET, Case, nothing
from tests.router import SOURCE, Router, keys, lease, until


class Outcomes(Case):
    def test_each(self) -> None:
        ends = {
            1: (None, "done", {}),
            2: ({"a": ["é"]}, "done", {"result": {"a": ["é"]}}),
            3: (
                Retry("busy", 1.5),
                "retry",
                {"reason": "busy", "retry_after": 1.5},
            ),
            4: (Failed("no such order"), "failed", {"reason": "no such order"}),
            5: (KeyError("x"), "retry", {"reason": "KeyError: 'x'"}),
            6: (SystemExit(1), "retry", {"reason": "SystemExit: 1"}),
            7: ("x" * 65_534, "done", {"result": "x" * 65_534}),
            8: ("x" * 65_535, "done", None),
            9: (float("nan"), "done", None),
            10: (object(), "done", None),
            11: ("\ud800", "done", None),
            12: (Failed("\ud800é" * 1000), "failed", {"reason": "?é" * 341 + "?"}),
            13: (Retry(after=1e9), "retry", {"retry_after": 86400}),
            14: (Retry(after=-1), "retry", {}),
            15: (False, "done", {"result": False}),
        }

        def work(d: Delivery) -> Any:
            end = ends[d.event["data"]["n"]][0]
            if isinstance(end, BaseException):
                raise end
            return end

        consumer = self.consumer()
        self.running(consumer, work)
        for n, (_, status, rest) in ends.items():
            self.router.deliver(n)
            reply = self.expect(n, status)
            for name in ("id", "source", "lease", "status"):
                del reply[name]
            if rest is None:
                self.assertEqual(list(reply), ["reason"])
                self.assertIn("result dropped", reply["reason"])
            else:
                self.assertEqual(reply, rest)
        counts = consumer.counts
        self.assertEqual(counts.opened, 15)
        self.assertEqual([counts.done, counts.retried], [8, 5])
        self.assertEqual([counts.failed, counts.raised], [2, 2])

    def test_traceback_is_logged(self) -> None:
        def work(_: Delivery) -> None:
            raise KeyError("here")

        self.running(self.consumer(), work)
        with self.assertLogs(QUIET) as logs:
            self.router.deliver(1)
            self.expect(1, "retry")
        told = [line for line in logs.output if "Traceback" in line]
        self.assertIn("order-1", told[0])

    def test_whatever_ends_work_is_answered(self) -> None:
        class Bare(Retry):
            def __init__(self) -> None:
                pass

        class Mute(Exception):
            def __str__(self) -> str:
                raise KeyError("x")

        class Restless(dict[str, int]):
            def items(self) -> Any:
                raise RuntimeError("it changed")

        ends: list[tuple[Any, str]] = [
            (Bare(), "retry"),
            (Mute(), "retry"),
            (Retry(after=float("nan")), "retry"),
            (Retry(after=cast(float, Decimal("1.5"))), "retry"),
            (Restless(a=1), "done"),
        ]
        running = self.running(
            self.consumer(), lambda ds: [ends[ds[0].event["data"]["n"]][0]], batch=1
        )
        for n, (_, status) in enumerate(ends):
            self.router.deliver(n)
            self.assertNotIn("NaN", json.dumps(self.expect(n, status)))
        running.stop()

    def test_what_work_gets(self) -> None:
        event = {
            "specversion": "1.0",
            "id": "1",
            "source": SOURCE,
            "type": "t",
            "data": {"amount": 12.5},
        }
        got: SimpleQueue[Delivery] = SimpleQueue()
        self.running(self.consumer(), got.put)
        self.router.deliver(1, attempt=3, event=event)
        self.router.next()
        d = got.get()
        self.assertEqual([d.event, d.attempt, d.original], [event, 3, b""])
        self.assertEqual(d.data, b'{"amount":12.5}')
        self.assertEqual(d.header["channel"], "commands")


class Again(Case):
    def test_done_is_answered_again(self) -> None:
        times: list[str] = []

        def work(d: Delivery) -> int:
            times.append(d.event["id"])
            return len(times)

        consumer = self.consumer()
        running = self.running(consumer, work)
        for attempt in (1, 2, 3):
            self.router.deliver(1, attempt)
            self.assertEqual(self.expect(1, "done", attempt)["result"], 1)
        running.stop()
        self.assertEqual(self.router.next(), {"goodbye": True})
        self.router.deserted()
        self.running(consumer, work)  # it remembers beyond a run
        self.router.deliver(1, 4)
        self.assertEqual(self.expect(1, "done", 4)["result"], 1)
        self.assertEqual(times, ["order-1"])
        self.assertEqual(consumer.counts.repeated, 3)

    def test_not_done_is_worked_on_again(self) -> None:
        faults = [KeyError("x")]

        def work(_: Delivery) -> None:
            if faults:
                raise faults.pop()

        self.running(self.consumer(), work)
        self.router.deliver(1)
        self.expect(1, "retry")
        self.router.deliver(1, 2)
        self.expect(1, "done", 2)

    def test_never_twice_at_once(self) -> None:
        release, times = threading.Event(), list[str]()

        def work(d: Delivery) -> None:
            times.append(d.event["id"])
            release.wait()

        consumer = self.consumer(parallel=4)
        self.running(consumer, work)
        for attempt in (1, 2, 2):
            self.router.deliver(1, attempt)
        until(lambda: consumer.counts.repeated == 2, "all three")
        release.set()
        self.expect(1, "done")
        self.expect(1, "done", 2)
        # The same delivery, replayed, is not owed two answers.
        self.router.deliver(2)
        self.expect(2, "done")
        self.assertEqual(times, ["order-1", "order-2"])

    def test_waiting_is_worked_on_as_last_delivered(self) -> None:
        release, attempts = threading.Event(), list[int]()

        def work(d: Delivery) -> None:
            attempts.append(d.attempt)
            release.wait()

        consumer = self.consumer()
        self.running(consumer, work)
        for n, attempt in ((1, 1), (2, 1), (2, 2)):
            self.router.deliver(n, attempt)
        until(lambda: consumer.counts.opened == 3, "all three")
        release.set()
        for n, attempt in ((1, 1), (2, 1), (2, 2)):
            self.expect(n, "done", attempt)
        self.assertEqual(attempts, [1, 2])

    def test_memory(self) -> None:
        memory = Memory(2)
        for id in "abc":
            memory.remember(("s", id), id)
        self.assertEqual([("s", id) in memory for id in "abc"], [False, True, True])
        self.assertEqual([memory.result(("s", "c")), memory.bytes], ["c", 2])
        memory.remember(("s", "d"), "x" * MAX_RESULTS)
        self.assertIsNone(memory.result(("s", "c")))  # it keeps its place
        self.assertIn(("s", "c"), memory)
        self.assertEqual(memory.bytes, MAX_RESULTS)


class Flow(Case):
    def test_parallel(self) -> None:
        for parallel in (1, 3):
            self.router = Router()
            self.addCleanup(self.router.close)
            release, begun = threading.Event(), SimpleQueue[str]()

            def work(
                d: Delivery,
                begun: SimpleQueue[str] = begun,
                release: threading.Event = release,
            ) -> None:
                begun.put(d.event["id"])
                release.wait()

            consumer = self.consumer(parallel=parallel)
            self.running(consumer, work)
            for n in range(5):
                self.router.deliver(n)
            for _ in range(parallel):
                begun.get(timeout=20)
            until(lambda c=consumer: c.counts.opened == 5, "all five")
            self.assertTrue(begun.empty())
            release.set()
            for _ in range(5):
                self.assertEqual(self.router.next()["status"], "done")

    def test_progress_of_all_that_is_held(self) -> None:
        release = threading.Event()
        self.running(self.consumer(progress_every=0.01), lambda _: release.wait())
        self.router.deliver(1)
        self.router.deliver(2)
        told: set[str] = set()
        while len(told) < 2:
            reply = self.router.next_of_all()
            self.assertEqual(reply["status"], "progress")
            told.add(reply["lease"])
        self.assertEqual(told, {lease(1), lease(2)})
        release.set()
        self.expect(1, "done")
        self.expect(2, "done")

    def test_held_is_bounded(self) -> None:
        release = threading.Event()
        with mock.patch.object(shifts, "MAX_HELD", 10):
            consumer = self.consumer()
            self.running(consumer, lambda _: release.wait())
            for n in range(30):
                self.router.deliver(n)
            until(lambda: consumer.counts.opened == 10, "ten")
            release.set()
            for n in range(30):
                self.expect(n, "done")
                counts = consumer.counts
                self.assertLessEqual(counts.opened, counts.done + 11)

    def test_expired_while_it_waited(self) -> None:
        release = threading.Event()
        consumer = self.consumer()
        self.running(consumer, lambda _: release.wait())
        exp = int(time.time()) + 2
        self.router.deliver(1)
        self.router.deliver(2, exp=exp)
        until(lambda: consumer.counts.opened == 2, "both")
        until(lambda: time.time() >= exp + 1, "it has expired")
        release.set()
        self.expect(1, "done")
        self.assertIn("expired", self.expect(2, "retry")["reason"])

    def test_several_routers(self) -> None:
        second = Router()
        self.addCleanup(second.close)
        consumer = Consumer(
            [self.router.at, second.at], channel="commands", keys=keys(), log=QUIET
        )
        running = self.running(consumer, nothing)
        self.router.deliver(1)
        second.deliver(2)
        self.assertEqual(self.router.next()["id"], "order-1")
        self.assertEqual(second.next()["id"], "order-2")
        running.stop()
        for router in (self.router, second):
            self.assertEqual(router.next(), {"goodbye": True})


class Batch(Case):
    def test_settled_one_by_one(self) -> None:
        release, sizes = threading.Event(), list[int]()

        def work(ds: list[Delivery]) -> list[Any] | None:
            release.wait()
            sizes.append(len(ds))
            if len(ds) == 1:
                return None
            return [Failed("no"), {"n": 1}, Retry("later", 2), KeyError("x")]

        consumer = self.consumer()
        self.running(consumer, work, batch=4)
        self.router.deliver(0)
        until(lambda: consumer.counts.opened == 1, "the first")
        for n in range(1, 6):
            self.router.deliver(n)
        until(lambda: consumer.counts.opened == 6, "all")
        release.set()
        self.expect(0, "done")
        self.expect(1, "failed")
        self.assertEqual(self.expect(2, "done")["result"], {"n": 1})
        self.assertEqual(self.expect(3, "retry")["retry_after"], 2)
        self.expect(4, "retry")
        self.expect(5, "done")
        self.assertEqual(sizes, [1, 4, 1])
        # The replies of a batch are one array.
        self.assertIn(4, [len(json.loads(f)) for f in self.router.frames if f[0] == 91])

    def test_a_fault_is_for_all(self) -> None:
        def work(ds: list[Delivery]) -> list[Any] | None:
            if ds[0].attempt == 1:
                raise Failed("none of them")
            return []  # too few

        self.running(self.consumer(), work, batch=9)
        self.router.deliver(1)
        self.expect(1, "failed")
        self.router.deliver(2, 2)
        self.assertIn("0 results for 1", self.expect(2, "retry", 2)["reason"])


class End(Case):
    def test_what_was_not_begun_is_given_back(self) -> None:
        release, begun = threading.Event(), threading.Event()

        def work(_: Delivery) -> None:
            begun.set()
            release.wait()

        consumer = self.consumer()
        running = self.running(consumer, work)
        for n in (1, 2, 3):
            self.router.deliver(n)
        begun.wait()
        until(lambda: consumer.counts.opened == 3, "all three")
        consumer.stop()
        release.set()
        self.expect(1, "done")
        goodbye = self.router.next()
        running.join()
        self.assertEqual(goodbye, goodbye | {"goodbye": True, "lease": lease(3)})
        self.assertTrue(self.router.silent())

    def test_grace_ends_work(self) -> None:
        begun = threading.Event()

        def work(d: Delivery) -> None:
            begun.set()
            d.stopped.wait()
            raise Retry("stopping")

        consumer = self.consumer(grace=0.05)
        running = self.running(consumer, work)
        self.router.deliver(1)
        begun.wait()
        running.stop()
        self.assertEqual(self.expect(1, "retry")["reason"], "stopping")

    def test_work_may_stop_it(self) -> None:
        consumer = self.consumer()
        running = self.running(consumer, lambda _: consumer.stop())
        self.router.deliver(1)
        self.router.deliver(2)
        running.join()
        self.expect(1, "done")

    def test_signals(self) -> None:
        def itself(*_: Any) -> None:
            raise AssertionError("not while it runs")

        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.signal(number, itself)
            try:
                sent = threading.Thread(target=self.router.deliver, args=(1,))
                sent.start()  # waits for a consumer
                self.consumer().run(lambda _, n=number: os.kill(os.getpid(), n))
                sent.join()
                self.expect(1, "done")
                self.router.next()
                self.assertIs(signal.getsignal(number), itself)
            finally:
                signal.signal(number, before)

    def test_a_second_signal_does_what_it_did_before(self) -> None:
        caught = threading.Event()
        before = signal.signal(signal.SIGTERM, lambda *_: caught.set())
        try:
            sent = threading.Thread(target=self.router.deliver, args=(1,))
            sent.start()

            def work(_: Delivery) -> bool:
                os.kill(os.getpid(), signal.SIGTERM)
                until(lambda: consumer.life.stopping, "it is to stop")
                os.kill(os.getpid(), signal.SIGTERM)
                return caught.wait(20)

            consumer = self.consumer()
            consumer.run(work)
            sent.join()
            self.assertTrue(self.expect(1, "done")["result"])
        finally:
            signal.signal(signal.SIGTERM, before)

    def test_runs_once_at_a_time(self) -> None:
        consumer = self.consumer()
        running = self.running(consumer, nothing)
        self.router.deliver(1)
        self.expect(1, "done")
        with self.assertRaises(RuntimeError):
            consumer.run(nothing)
        running.stop()
        consumer.stop()  # before a run, it ends that at once
        self.running(consumer, nothing).join()

    def test_an_absent_router_delays_no_end(self) -> None:
        gone = f"tcp://127.0.0.1:{ports.free(1)[0]}"
        running = self.running(self.consumer(), nothing)
        self.router.deliver(1, reply=gone)
        until(lambda: running.who.counts.done == 1, "it is done")
        running.stop()
        self.assertEqual(running.who.counts.unsent, 2)  # with the goodbye
