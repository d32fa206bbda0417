import io
import json
import logging
import unittest
from typing import Any

from headgate.plugin.loglines import Lines


class Loglines(unittest.TestCase):
    def setUp(self) -> None:
        self.text = io.StringIO()
        stream = logging.StreamHandler(self.text)
        stream.setFormatter(Lines())
        self.log = logging.Logger("a.b", logging.DEBUG)
        self.log.addHandler(stream)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.getvalue().splitlines()]

    def test_levels(self) -> None:
        for level in (5, 10, 20, 30, 40, 50):
            self.log.log(level, "said %s", level)
        got = [(x["@level"], x["@message"]) for x in self.lines()]
        levels = (10, "debug"), (20, "info"), (30, "warn"), (40, "error"), (50, "error")
        self.assertEqual(got, [(name, f"said {level}") for level, name in levels])

    def test_fields(self) -> None:
        self.log.info("x", extra={"n": 1, "inf": float("inf"), "o": ["é\n"], "z": None})
        (got,) = self.lines()
        self.assertEqual(got.pop("@module"), "a.b")
        self.assertRegex(got.pop("@timestamp"), r"^....-..-..T..:..:..\.......\+00:00$")
        want = {"n": 1, "inf": "inf", "o": "['é\\n']", "z": None}
        self.assertEqual(got, want | {"@level": "info", "@message": "x"})

    def test_an_exception_is_a_stack_in_the_same_line(self) -> None:
        try:
            raise KeyError("k")
        except KeyError:
            self.log.exception("x")
        (got,) = self.lines()
        self.assertIn("KeyError: 'k'", got["stack"])

    def test_texts_are_bounded(self) -> None:
        self.log.info("x" * 100_000, extra={"y": "y" * 100_000})
        (got,) = self.lines()
        self.assertEqual((len(got["@message"]), len(got["y"])), (4096, 4096))
