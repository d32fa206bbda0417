"""What tests of consumers share."""

import logging
import unittest
from typing import Any

from headgate.consumer import Consumer, Delivery
from tests.router import SOURCE, Router, Running, keys, lease

QUIET = logging.getLogger("headgate.tests")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


def nothing(_: Delivery) -> None:
    pass


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.router = Router()
        self.addCleanup(self.router.close)

    def consumer(self, **given: Any) -> Consumer:
        options: dict[str, Any] = {"keys": keys(), "channel": "commands", "log": QUIET}
        return Consumer(self.router.at, **(options | given))

    def running(self, consumer: Consumer, *args: Any, **named: Any) -> Running:
        running = Running(consumer, *args, **named)
        self.addCleanup(running.stop)
        return running

    def expect(self, n: int, status: str, attempt: int = 1) -> Any:
        reply = self.router.next()
        got = [reply.get(k) for k in ("id", "source", "lease", "status", "goodbye")]
        want = [f"order-{n}", SOURCE, lease(n, attempt), status, None]
        self.assertEqual(got, want)
        return reply
