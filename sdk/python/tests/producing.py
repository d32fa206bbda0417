"""What tests of producers share."""

import logging
import unittest
from typing import Any

from headgate.producer import Credential, Producer, SendError, hmac
from tests.doors import HttpDoor, ZmqDoor

SECRET = "whsec_" + "AAAA" * 10 + "AAA="
EVENT = {
    "specversion": "1.0",
    "id": "order-1",
    "source": "//shop.example/till",
    "type": "com.example.order.created",
    "data": {"amount": 1},
}
QUIET = logging.getLogger("headgate.tests")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False

DOORS = HttpDoor, ZmqDoor


class Case(unittest.TestCase):
    def producer(
        self, at: str, credential: Credential | None = None, **given: Any
    ) -> Producer:
        """Make a producer that makes no pauses, and notes them."""
        credential = credential or hmac(SECRET, "k1")
        producer = Producer(at, credential, log=QUIET, **given)
        self.addCleanup(producer.close)
        self.pauses: list[float] = []
        producer.sleep, producer.random = self.pauses.append, lambda: 0.5
        return producer

    def door(self, kind: Any, answer: Any, **given: Any) -> Any:
        door = kind(answer, **given)
        self.addCleanup(door.close)
        return door

    def refused(self, code: str, tries: int, send: Any) -> SendError:
        with self.assertRaises(SendError) as told:
            send()
        self.assertEqual([told.exception.code, told.exception.attempts], [code, tries])
        return told.exception
