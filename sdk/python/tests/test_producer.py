"""Hold headgate.producer against what it promises, by HTTP and by ZeroMQ."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from headgate.producer import Answer, Outgoing, Producer, SendError, hmac
from headgate.producer.http import Http
from tests import ports
from tests.doors import Asked, HttpDoor, Told, ZmqDoor, problem, taken
from tests.producing import DOORS, EVENT, SECRET, Case


class Sends(Case):
    def test_one(self) -> None:
        for kind in DOORS:
            with self.subTest(kind):
                door = self.door(kind, taken)
                producer = self.producer(door.at)
                producer.now = lambda: 1767225600.9
                answer = producer.send(EVENT)
                want = Answer("order-1", "//shop.example/till", "accepted", 1)
                self.assertEqual(answer, want)
                asked = door.asked[0]
                self.assertEqual(asked.event, EVENT)
                own = hmac(SECRET, "k1")(Outgoing("order-1", asked.body, 1767225600))
                got = {name: asked.headers[name] for name in own}
                self.assertEqual(got, own)
                self.assertEqual(got["webhook-timestamp"], "1767225600")
                kind_of = asked.headers["content-type"]
                self.assertEqual(kind_of, "application/cloudevents+json")
                self.assertNotIn("prefer", asked.headers)

    def test_text_is_sent_to_the_byte(self) -> None:
        text = json.dumps(EVENT, indent=1)
        for kind in DOORS:
            door = self.door(kind, taken)
            producer = self.producer(door.at)
            for given in (text, text.encode(), f" {text}\n"):
                producer.send(given)
            self.assertEqual({a.body for a in door.asked}, {text.encode()})

    def test_preferences_and_the_end(self) -> None:
        end = {"id": "order-1", "source": "//s", "state": "done"}
        end |= {"channels": {"commands": {"state": "done", "result": 7}}}
        for kind in DOORS:
            door = self.door(kind, lambda _: Told(200, end | {"receipt": "r"}))
            answer = self.producer(door.at).send(EVENT, wait=5, receipt=True)
            self.assertEqual(door.asked[0].headers["prefer"], "wait=5, return=receipt")
            self.assertEqual([answer.status, answer.receipt], ["done", "r"])
            self.assertEqual((answer.channels or {})["commands"]["result"], 7)
        with self.assertRaises(ValueError):
            self.producer("http://127.0.0.1:1").send(EVENT, wait=26)

    def test_what_is_no_event(self) -> None:
        for kind in DOORS:
            door = self.door(kind, taken)
            producer = self.producer(door.at)
            for bad in (EVENT | {"id": "a.b"}, {}, b"[]", "{", EVENT | {"X": 1}):
                send = partial(producer.send, bad)
                self.refused("bad_event", 0, send)
            self.assertEqual(door.asked, [])

    def test_connections_are_kept(self) -> None:
        door = self.door(HttpDoor, taken)
        producer = self.producer(door.at)
        for _ in range(5):
            producer.send(EVENT)
        self.assertEqual(len(door.connections), 1)

    def test_a_connection_that_was_closed_costs_no_try(self) -> None:
        close = (("connection", "close"),)
        for headers in ((), close):
            first = self.door(
                HttpDoor, lambda a, h=headers: Told(202, taken(a).body, 0, h)
            )
            producer = self.producer(first.at, tries=1)
            producer.send(EVENT)
            assert isinstance(producer.door, Http)
            for kept in producer.door.idle:
                kept.sock.shutdown(2)
            self.assertEqual(producer.send(EVENT).attempts, 1)
            self.assertEqual(len(first.connections), 2)

    def test_many_threads(self) -> None:
        for kind in DOORS:
            door = self.door(kind, taken)
            producer = self.producer(door.at)
            events = [EVENT | {"id": f"order-{n}"} for n in range(64)]
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(producer.send, events))
            self.assertEqual([a.id for a in answers], [e["id"] for e in events])

    def test_status(self) -> None:
        found = {"id": "a b", "source": "//s?x", "state": "pending", "channels": {}}
        door = self.door(HttpDoor, lambda _: Told(200, found))
        producer = self.producer(door.at + "/base/")
        producer.now = lambda: 1767225600
        self.assertEqual(producer.status("//s?x", "a b"), found)
        asked = door.asked[0]
        target = "/base/v1/status?source=%2F%2Fs%3Fx&id=a+b"
        self.assertEqual(asked.target, target)
        body = f"GET {target}".encode()
        own = hmac(SECRET)(Outgoing(asked.headers["webhook-id"], body, 1767225600))
        got = asked.headers["webhook-signature"]
        self.assertEqual(got, own["webhook-signature"])
        with self.assertRaises(ValueError):
            self.producer("tcp://127.0.0.1:1").status("a", "b")


class Tries(Case):
    def test_table(self) -> None:
        for kind in DOORS:
            for status, after, tries in (
                (400, 0, 1),
                (401, 0, 1),
                (401, 1, 2),  # a key that is being rotated gets one more
                (403, 0, 1),
                (404, 1, 1),
                (408, 0, 3),
                (409, 0, 1),
                (413, 0, 1),
                (415, 0, 1),
                (422, 0, 1),
                (425, 0, 3),
                (429, 1, 3),
                (500, 0, 3),
                (503, 2, 3),
            ):
                with self.subTest(kind, status=status, after=after):
                    told = problem(status, "some_code", after)
                    door = self.door(kind, lambda _, told=told: told)
                    producer = self.producer(door.at, tries=3)
                    error = self.refused(
                        "some_code", tries, lambda p=producer: p.send(EVENT)
                    )
                    self.assertEqual(len(door.asked), tries)
                    got = [error.status, error.retry_after, error.request_id]
                    self.assertEqual(got, [status, after or None, "r1"])
                    self.assertEqual(error.retryable, tries == 3)
                    pauses = [after + 0.5 * 0.1 * 2**n for n in range(tries - 1)]
                    self.assertEqual(self.pauses, pauses)

    def test_every_try_is_the_same_with_a_proof_of_its_own(self) -> None:
        for kind in DOORS:
            answers = [problem(503, "overloaded"), problem(429, "rate_limited")]
            door = self.door(kind, lambda a, t=answers: t.pop() if t else taken(a))
            producer = self.producer(door.at)
            clock = iter(range(1767225600, 1767225700))
            producer.now = lambda c=clock: next(c)
            self.assertEqual(producer.send(EVENT).attempts, 3)
            asked: list[Asked] = door.asked
            self.assertEqual(len({a.body for a in asked}), 1)
            self.assertEqual({a.headers["webhook-id"] for a in asked}, {"order-1"})
            self.assertEqual(len({a.headers["webhook-signature"] for a in asked}), 3)
            self.assertEqual(len({a.headers["webhook-timestamp"] for a in asked}), 3)

    def test_a_lost_answer_is_a_duplicate(self) -> None:
        ends = [Told(-1, None)]
        door = self.door(
            HttpDoor, lambda a: ends.pop() if ends else taken(a, "duplicate")
        )
        answer = self.producer(door.at).send(EVENT)
        self.assertEqual([answer.status, answer.attempts], ["duplicate", 2])

    def test_a_lost_connection_is_tried_again(self) -> None:
        at = f"tcp://127.0.0.1:{ports.free(1)[0]}"
        first = self.door(ZmqDoor, lambda _: Told(-1, None), at=at)
        producer = self.producer(first.at, tries=9, timeout=20)

        def anew(pause: float) -> None:
            if pause and len(first.asked) == 1 and not again:
                first.thread.join()
                again.append(self.door(ZmqDoor, taken, at=first.at))

        again: list[Any] = []
        producer.sleep = anew
        self.assertEqual(producer.send(EVENT).attempts, 2)

    def test_a_lost_connection_is_told_at_once(self) -> None:
        for kind in DOORS:
            door = self.door(kind, lambda _: Told(-1, None))
            producer = self.producer(door.at, tries=1, timeout=600)
            error = self.refused("closed", 1, lambda p=producer: p.send(EVENT))
            self.assertTrue(error.retryable)

    def test_a_router_that_asks_for_too_long(self) -> None:
        for kind in DOORS:
            door = self.door(kind, lambda _: problem(503, "draining", 60))
            producer = self.producer(door.at)
            error = self.refused("draining", 1, lambda p=producer: p.send(EVENT))
            self.assertEqual([error.retryable, error.retry_after], [True, 60])
            self.assertEqual(self.pauses, [])

    def test_silence(self) -> None:
        for kind in DOORS:
            door = self.door(kind, lambda _: Told(0, None))
            producer = self.producer(door.at, tries=2, timeout=0.2)
            error = self.refused("timeout", 2, lambda p=producer: p.send(EVENT))
            self.assertTrue(error.retryable)

    def test_nobody_there(self) -> None:
        for kind in DOORS:
            scheme = "http" if kind is HttpDoor else "tcp"
            at = f"{scheme}://127.0.0.1:{ports.free(1)[0]}"
            producer = self.producer(at, tries=2, timeout=0.2)
            error = self.refused("unreachable", 2, lambda p=producer: p.send(EVENT))
            self.assertTrue(error.retryable)

    def test_answers_that_are_no_routers(self) -> None:
        for kind in DOORS:
            for body in (b"", b"<html>", b"[1]", b"[" * 100_000, b'{"a":1}'):
                told = Told(200, body)
                door = self.door(kind, lambda _, told=told: told)
                producer = self.producer(door.at, tries=1)
                error = self.refused_somehow(producer)
                self.assertEqual([error.code, error.retryable], ["no_answer", True])

    def refused_somehow(self, producer: Producer) -> SendError:
        with self.assertRaises(SendError) as told:
            producer.send(EVENT)
        return told.exception

    def test_no_redirect_is_followed(self) -> None:
        other = self.door(HttpDoor, taken)
        for status in (301, 302, 303, 307, 308):
            to = (("location", other.at),)
            door = self.door(HttpDoor, lambda _, s=status, to=to: Told(s, {}, 0, to))
            producer = self.producer(door.at)
            error = self.refused("redirect", 1, lambda p=producer: p.send(EVENT))
            self.assertEqual([error.status, error.retryable], [status, False])
        self.assertEqual(other.asked, [])

    def test_routers_take_turns(self) -> None:
        doors = [self.door(ZmqDoor, taken) for _ in "12"]
        producer = self.producer([d.at for d in doors])  # type: ignore
        for _ in range(50):
            producer.send(EVENT)
        self.assertEqual(sum(len(d.asked) for d in doors), 50)
        self.assertGreater(min(len(d.asked) for d in doors), 10)

    def test_close(self) -> None:
        for kind in DOORS:
            door = self.door(kind, taken)
            with self.producer(door.at) as producer:
                producer.send(EVENT)
            with self.assertRaises(RuntimeError):
                producer.send(EVENT)
            producer.close()

    def test_close_ends_who_waits(self) -> None:
        come = threading.Event()

        def silent(_: Asked) -> Told:
            come.set()
            return Told(0, None)

        door = self.door(ZmqDoor, silent)
        producer = self.producer(door.at)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(producer.send, EVENT)
            come.wait()
            producer.close()
            with self.assertRaises(RuntimeError):
                sent.result(20)


class Batches(Case):
    def test_those_that_are_asked_for_go_again_alone(self) -> None:
        def answer(asked: Asked) -> Told:
            results: list[Any] = []
            for event in asked.event:
                one = {"id": event["id"], "source": event["source"]}
                if event["id"] == "b":
                    one |= {"status_code": 422, "code": "no_route"}
                elif event["id"] == "c" and len(door.asked) < 3:
                    one |= {"status_code": 503, "code": "channel_full"}
                    one |= {"retry_after": 2}
                else:
                    one |= {"status_code": 202, "status": "accepted", "receipt": "r"}
                results.append(one)
            return Told(200, {"results": results})

        for kind in DOORS:
            door = self.door(kind, answer)
            producer = self.producer(door.at)
            events = [EVENT | {"id": id} for id in "abc"]
            a, b, c = producer.send_batch(events, receipt=True)
            sent = [[e["id"] for e in asked.event] for asked in door.asked]
            self.assertEqual(sent, [["a", "b", "c"], ["c"], ["c"]])
            self.assertEqual(self.pauses, [2.05, 2.1])
            assert isinstance(a, Answer) and isinstance(c, Answer)
            self.assertEqual([a.id, a.status, a.receipt], ["a", "accepted", "r"])
            self.assertEqual([c.id, c.status], ["c", "accepted"])
            assert isinstance(b, SendError)
            self.assertEqual([b.code, b.status, b.retryable], ["no_route", 422, False])
            batch = "application/cloudevents-batch+json"
            self.assertEqual(door.asked[0].headers["content-type"], batch)
            self.assertEqual(door.asked[0].headers["prefer"], "return=receipt")

    def test_as_a_whole(self) -> None:
        for kind in DOORS:
            door = self.door(kind, lambda _: problem(413, "too_large"))
            producer = self.producer(door.at)
            self.refused("too_large", 1, lambda p=producer: p.send_batch([EVENT]))
            short = self.door(kind, lambda _: Told(200, {"results": []}))
            producer = self.producer(short.at)
            with self.assertRaises(SendError):
                producer.send_batch([EVENT])
            for events in ([], [EVENT] * 1001):
                with self.assertRaises(ValueError):
                    producer.send_batch(events)
