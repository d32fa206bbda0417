import unittest
from datetime import timedelta
from typing import Any

from headgate.plugin import Drop, Event, Needs, Permanent, Principal, Retry, transform
from headgate.plugin import wire
from headgate.plugin.outcomes import outcomes

E = wire.V1["Event"]
X = wire.EXTENSION
EVENT = E(
    id="1",
    source="/s",
    type="t",
    subject="sub",
    time="2026-01-02T03:04:05Z",
    data_content_type="application/json",
    data_schema="urn:x",
    data=b'{"n": 1.50, "text": "\xc3\xa9"}',
    data_is_json=True,
    extensions=[
        X(name="count", value="-7", type=X.TYPE_INTEGER),
        X(name="fast", value="true", type=X.TYPE_BOOLEAN),
        X(name="word", value="w", type=X.TYPE_STRING),
    ],
    principal={"provider": "okta", "issuer": "i", "subject": "s"},
)


def run(function: Any, *events: Any, batch: bool = False) -> list[Any]:
    kind = transform("t", "1", batch=batch)(function)
    return outcomes(kind, (), events or [EVENT])


def says(outcome: Any) -> str:
    name: str = outcome.WhichOneof("is")
    return name


class Changes(unittest.TestCase):
    def changed(self, function: Any) -> Any:
        (got,) = run(function)
        self.assertEqual(says(got), "replace", got)
        (event,) = got.replace.events
        self.assertFalse(event.HasField("principal"))
        return event

    def test_what_is_read(self) -> None:
        seen: list[Event] = []
        run(seen.append)
        (e,) = seen
        self.assertEqual((e.id, e.source, e.type, e.subject), ("1", "/s", "t", "sub"))
        self.assertEqual(e.extensions, {"count": -7, "fast": True, "word": "w"})
        self.assertIs(e.extensions["fast"], True)
        self.assertEqual(e.sender, Principal("okta", "i", "s"))
        self.assertEqual(e.json, {"n": 1.5, "text": "é"})

    def test_nothing_changed(self) -> None:
        def same(event: Event) -> None:
            event.json["n"] += 0
            event.extensions = dict(reversed(event.extensions.items()))
            event.data = event.data

        for function in (lambda event: None, lambda event: event.json, same):
            self.assertEqual([says(o) for o in run(function)], ["unchanged"])
        nothing = E(id="1", data=b"")
        self.assertEqual(
            [says(o) for o in run(lambda e: e.data, nothing)], ["unchanged"]
        )

    def test_changes_inside_the_json(self) -> None:
        def inside(event: Event) -> None:
            event.json["text"] += "!"

        event = self.changed(inside)
        self.assertEqual(event.data, '{"n":1.5,"text":"é!"}'.encode())
        self.assertTrue(event.data_is_json)

    def test_a_change_of_type_alone(self) -> None:
        def wider(event: Event) -> None:
            event.json["n"] = True

        (got,) = run(wider, E(data=b'{"n":1}', data_is_json=True))
        self.assertEqual(got.replace.events[0].data, b'{"n":true}')

        def truth(event: Event) -> None:
            event.extensions["fast"] = 1

        fast = self.changed(truth).extensions[1]
        self.assertEqual((fast.value, fast.type), ("1", X.TYPE_INTEGER))

    def test_other_changes(self) -> None:
        def every(event: Event) -> None:
            event.data = b"\0"
            event.data_is_json = False
            event.data_content_type = "application/octet-stream"
            event.data_schema = ""
            extensions: dict[str, str | int | bool] = {"z": "1", "a": False}
            event.extensions = extensions

        event = self.changed(every)
        self.assertEqual(event.data, b"\0")
        self.assertFalse(event.data_is_json)
        extensions = [(x.name, x.value, x.type) for x in event.extensions]
        want = [("a", "false", X.TYPE_BOOLEAN), ("z", "1", X.TYPE_STRING)]
        self.assertEqual(extensions, want)

        def none(event: Event) -> None:
            event.data = None

        event = self.changed(none)
        self.assertFalse(event.HasField("data") or event.data_is_json)

        def value(event: Event) -> None:
            event.json = [None]

        (got,) = run(value, E(id="1"))
        self.assertEqual(got.replace.events[0].data, b"[null]")
        self.assertTrue(got.replace.events[0].data_is_json)

    def test_data_follows_json(self) -> None:
        event = Event(data=b'{"a":1}')
        event.json["a"] = 2
        self.assertEqual(event.data, b'{"a":2}')
        event.data = b"[]"
        self.assertEqual(event.json, [])

    def test_of_unknown_type(self) -> None:
        for x in (X(name="n"), X(name="n", value="1", type=X.TYPE_BOOLEAN)):
            with self.assertRaises(ValueError):
                wire.read_event(E(extensions=[x]))


class Ends(unittest.TestCase):
    def end(self, e: BaseException) -> Any:
        def function(event: Event) -> None:
            event.data = b"changed"
            raise e

        (got,) = run(function)
        return got

    def test_drop(self) -> None:
        self.assertEqual(self.end(Drop("old")).drop.reason, "old")
        self.assertEqual(self.end(Drop()).drop.reason, "no reason was given")

    def test_permanent(self) -> None:
        got = self.end(Permanent("bad")).failure
        self.assertEqual((got.reason, got.retry, got.stack), ("bad", False, ""))

    def test_retry(self) -> None:
        for after, millis in (
            (None, 0),
            (timedelta(microseconds=1), 1),
            (timedelta(seconds=2), 2000),
            (timedelta(days=365), 2**32 - 1),
        ):
            got = self.end(Retry("later", after)).failure
            self.assertEqual(
                (got.reason, got.retry, got.after_millis), ("later", True, millis)
            )
        with self.assertRaises(ValueError):
            Retry("now", timedelta())

    def test_the_unforeseen_is_permanent_with_its_stack(self) -> None:
        for e in (KeyError("text"), SystemExit(3), KeyboardInterrupt(), MemoryError()):
            got = self.end(e).failure
            self.assertFalse(got.retry)
            self.assertTrue(got.reason.startswith(type(e).__name__), got.reason)
            self.assertIn("test_event.py", got.stack)

    def test_what_no_event_can_hold(self) -> None:
        def surrogate(event: Event) -> None:
            event.subject = "\ud800"

        def value(event: Event) -> None:
            event.json = {1, 2}

        def extension(event: Event) -> None:
            event.extensions["n"] = 1.5  # type: ignore[assignment]

        def nothing(event: Event) -> None:
            event.data = None
            event.data_is_json = True

        def infinite(event: Event) -> None:
            event.json["n"] = float("inf")

        for function in (surrogate, value, extension, nothing, infinite):
            (got,) = run(function)
            self.assertEqual(says(got), "failure")
            self.assertTrue(got.failure.stack)
        for data in (b"{", b"NaN", b"1e400", b"\xff", b"[" * 100_000):
            (got,) = run(lambda e: e.json, E(data=data))
            self.assertEqual(got.failure.reason, "the data is no JSON")

    def test_texts_are_bounded_and_fit_the_wire(self) -> None:
        got = self.end(Permanent("\ud800" + "x" * 10_000)).failure
        self.assertEqual(len(got.reason), 1024)
        got = self.end(ValueError("y" * 100_000)).failure
        self.assertEqual((len(got.reason), len(got.stack)), (1024, 8192))


class Batches(unittest.TestCase):
    def test_an_answer_for_each(self) -> None:
        def function(events: list[Event]) -> list[Any]:
            events[2].data = b"new"
            return [None, Drop("d"), None, Retry("r")]

        got = run(function, *[EVENT] * 4, batch=True)
        self.assertEqual(
            [says(o) for o in got], ["unchanged", "drop", "replace", "failure"]
        )

    def test_no_answer_is_none_for_each(self) -> None:
        got = run(lambda events: None, EVENT, EVENT, batch=True)
        self.assertEqual([says(o) for o in got], ["unchanged"] * 2)

    def test_too_few_answers(self) -> None:
        got = run(lambda events: [None], EVENT, EVENT, batch=True)
        self.assertEqual(
            [o.failure.reason for o in got], ["1 answers for 2 events"] * 2
        )

    def test_a_poison_event_is_found(self) -> None:
        def function(events: list[Event]) -> None:
            for event in events:
                event.json["n"] = 1 / event.json["n"]

        values = (1, 0, 2)
        events = [E(id=str(n), data=b'{"n":%d}' % n, data_is_json=True) for n in values]
        first, second, third = run(function, *events, batch=True)
        self.assertEqual(first.replace.events[0].data, b'{"n":1.0}')
        self.assertTrue(second.failure.reason.startswith("ZeroDivisionError"))
        self.assertEqual(third.replace.events[0].data, b'{"n":0.5}')

    def test_what_is_raised_is_about_all(self) -> None:
        def function(events: list[Event]) -> None:
            raise Retry("later")

        got = run(function, EVENT, EVENT, batch=True)
        self.assertEqual([o.failure.retry for o in got], [True, True])


class Kinds(unittest.TestCase):
    def test_described(self) -> None:
        @transform("a-1", "1.0.0", needs=Needs(False, False, True), redacts=True)
        def function(event: Event) -> None:
            """Takes
            much out.

            And more.
            """

        got = wire.write_kind(function)
        self.assertEqual((got.name, got.doc), ("a-1", "Takes much out."))
        self.assertEqual(got.type, got.TYPE_TRANSFORM)
        self.assertTrue(got.redacts and got.needs.principal)
        self.assertFalse(got.needs.data or got.needs.extensions)

    def test_needing_nothing_is_said(self) -> None:
        kind = transform("a", "1", needs=Needs(False, False))(lambda event: None)
        self.assertTrue(wire.write_kind(kind).HasField("needs"))

    def test_names(self) -> None:
        for name in ("", "A", "a_b", "-a", "a-", "a" * 65, "a\n"):
            with self.subTest(name), self.assertRaises(ValueError):
                transform(name, "1.0.0")(lambda event: None)
        with self.assertRaises(ValueError):
            transform("a", "")(lambda event: None)
