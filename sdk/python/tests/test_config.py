import json
import unittest
from dataclasses import dataclass, field, fields
from datetime import timedelta
from random import Random
from typing import Any

from headgate.plugin import Diagnostic, Diagnostics
from headgate.plugin import duration
from headgate.plugin.decode import decode
from headgate.plugin.schema import schema


@dataclass
class Inner:
    size: int
    word: str = "x"


@dataclass
class Config:
    fields: list[str] = field(metadata={"doc": "What to change", "min": 1})
    token: str = field(metadata={"secret": True, "min": 3})
    mode: str = field(default="a", metadata={"enum": ["a", "b"]})
    share: float = field(default=0.5, metadata={"min": 0, "max": 1})
    every: timedelta = timedelta(seconds=90)
    inner: Inner | None = None
    more: dict[str, Inner] = field(default_factory=dict)
    any: Any = None
    made: int = field(init=False, default=7)


GOOD: dict[str, Any] = {"fields": ["a"], "token": "abc"}


def faults(config: type, text: str) -> list[tuple[str, str]]:
    try:
        decode(config, text.encode())
    except Diagnostics as e:
        return [(f.path, f.text) for f in e.faults]
    return []


class Decode(unittest.TestCase):
    def test_defaults(self) -> None:
        got = decode(Config, json.dumps(GOOD).encode())
        self.assertEqual(got, Config(["a"], "abc"))
        self.assertEqual(got.made, 7)

    def test_everything(self) -> None:
        text = """{"fields": ["a", "b"], "token": "abc", "mode": "b", "share": 1,
            "every": "1h0.5s", "inner": {"size": 1}, "more": {"m": {"size": 2}},
            "any": [1, {}]}"""
        got = decode(Config, text.encode())
        self.assertEqual(got.share, 1.0)
        self.assertIs(type(got.share), float)
        self.assertEqual(got.every, timedelta(hours=1, milliseconds=500))
        self.assertEqual((got.inner, got.more), (Inner(1), {"m": Inner(2)}))
        self.assertEqual(got.any, [1, {}])

    def test_faults(self) -> None:
        for change, path, text in (
            ({"fields": []}, "/fields", "want at least 1 entries"),
            ({"fields": None}, "/fields", "want a list, not null"),
            ({"fields": ["a", 1]}, "/fields/1", "want a string, not such a number"),
            ({"token": "ab"}, "/token", "want at least 3 characters"),
            ({"token": True}, "/token", "want a string, not true or false"),
            ({"mode": "c"}, "/mode", "want one of a, b"),
            ({"share": 1.5}, "/share", "want at most 1"),
            ({"share": True}, "/share", "want a number, not true or false"),
            (
                {"every": "soon"},
                "/every",
                'want a duration such as "30s", not a string',
            ),
            (
                {"every": 3},
                "/every",
                'want a duration such as "30s", not such a number',
            ),
            ({"inner": {}}, "/inner/size", "is required"),
            (
                {"inner": {"size": 1.0}},
                "/inner/size",
                "want a whole number, not such a number",
            ),
            (
                {"inner": {"size": True}},
                "/inner/size",
                "want a whole number, not true or false",
            ),
            ({"more": {"a/b~": 1}}, "/more/a~1b~0", "want a table, not such a number"),
            ({"made": 1}, "/made", "is not known: did you mean mode?"),
            ({"modes": "a"}, "/modes", "is not known: did you mean mode?"),
        ):
            with self.subTest(change):
                got = faults(Config, json.dumps(GOOD | change))
                self.assertEqual(got, [(path, text)])

    def test_every_fault_at_once(self) -> None:
        got = faults(Config, '{"mode": 1, "zzzzzz": 2}')
        self.assertEqual(
            got[:3],
            [
                ("/fields", "is required: What to change"),
                ("/token", "is required"),
                ("/mode", "want a string, not such a number"),
            ],
        )
        self.assertTrue(got[3][1].startswith("is not known: there are fields, token"))

    def test_no_json(self) -> None:
        for text in ("{", "[1", "nil", '{"share": NaN}', "[" * 100_000):
            self.assertEqual(faults(Config, text), [("", "is no JSON")])
        self.assertEqual(faults(Config, "[]"), [("", "want a table, not a list")])
        infinite = json.dumps(GOOD)[:-1] + ', "share": 1e400}'
        want = [("/share", "want a number, not such a number")]
        self.assertEqual(faults(Config, infinite), want)
        huge = json.dumps(GOOD | {"share": 10**400})
        self.assertEqual(faults(Config, huge), want)

    def test_anything_else_is_diagnosed(self) -> None:
        random = Random(1)
        names = [f.name for f in fields(Config)] + ["size", "x", "~/"]

        def anything(depth: int) -> Any:
            scalars = "", "a", "abc", "1s", -1, 0, 2, 0.5, 10**400, True, None
            shape = random.randrange(4 if depth else 2)
            if shape == 2:
                return [anything(depth - 1) for _ in range(random.randrange(3))]
            if shape == 3:
                return {random.choice(names): anything(depth - 1) for _ in range(4)}
            return random.choice(scalars)

        for _ in range(5000):
            value = {name: anything(2) for name in random.sample(names, 4)}
            try:
                decode(Config, json.dumps(value).encode())
            except Diagnostics as e:
                self.assertTrue(all(f.path and f.text for f in e.faults), value)

    def test_empty_is_an_empty_table(self) -> None:
        self.assertEqual(faults(Config, " "), faults(Config, "{}"))

    def test_a_dataclass_checks_more(self) -> None:
        @dataclass
        class Checked:
            token: str = field(default="", metadata={"secret": True})
            low: int = 0
            high: int = 1

            def __post_init__(self) -> None:
                if self.low > self.high:
                    raise Diagnostics(Diagnostic("/low", "is above high"))
                if self.token:
                    raise ValueError(f"{self.token} is no number")

        @dataclass
        class Outer:
            checked: Checked

        self.assertEqual(
            faults(Outer, '{"checked": {"low": 2}}'),
            [("/checked/low", "is above high")],
        )
        got = faults(Checked, '{"token": "hush"}')
        self.assertEqual(got, [("", "[redacted] is no number")])

    def test_a_secret_is_not_shown(self) -> None:
        got = decode(Config, json.dumps(GOOD).encode())
        self.assertEqual(got.token, "abc")
        self.assertNotIn("abc", repr(got))


class Schema(unittest.TestCase):
    def test_what_a_configuration_cannot_be(self) -> None:
        @dataclass
        class Bytes:
            a: bytes

        @dataclass
        class SecretNumber:
            a: int = field(metadata={"secret": True})

        @dataclass
        class Typo:
            a: str = field(metadata={"docs": "x"})

        @dataclass
        class BoundedBool:
            a: bool = field(metadata={"min": 1})

        for config in (int, Bytes, SecretNumber, Typo, BoundedBool):
            with self.subTest(config), self.assertRaises(TypeError):
                schema(config)

    def test_defaults_are_written_as_json(self) -> None:
        @dataclass
        class Nested:
            inner: Inner = field(default_factory=lambda: Inner(3))
            every: timedelta = timedelta(seconds=90)
            none: str | None = None

        of = json.loads(schema(Nested))["properties"]
        self.assertEqual(of["inner"]["default"], {"size": 3, "word": "x"})
        self.assertEqual(of["every"]["default"], "90s")
        self.assertNotIn("default", of["none"])
        defaults = {name: p["default"] for name, p in of.items() if "default" in p}
        self.assertEqual(faults(Nested, json.dumps(defaults)), [])


class Duration(unittest.TestCase):
    def test_reading(self) -> None:
        for text, seconds in (
            ("30s", 30),
            ("1h30m", 5400),
            ("-1.5m", -90),
            ("+.5s", 0.5),
            ("2.ms", 0.002),
            ("1500us", 0.0015),
            ("2000ns", 0.000002),
            ("0", 0),
        ):
            self.assertEqual(duration.parse(text), timedelta(seconds=seconds), text)
        for text in ("", "1", "s", ".s", "1 s", "1d", "--1s", "1s ", "s1", "٣s"):
            with self.subTest(text), self.assertRaises(ValueError):
                duration.parse(text)
        with self.assertRaises(OverflowError):
            duration.parse("9" * 30 + "h")

    def test_what_is_written_reads_back(self) -> None:
        for text in ("0h", "1h", "90m", "90s", "1ms", "1us", "-5s"):
            self.assertEqual(duration.write(duration.parse(text)), text)
