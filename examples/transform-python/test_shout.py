import unittest

from headgate.plugin import Event
from shout import Config, shout


class Shout(unittest.TestCase):
    def test_is_louder(self) -> None:
        event = Event(data=b'{"text":"hello","n":1}')
        shout(event, Config(mark="?"))
        self.assertEqual(event.data, b'{"text":"HELLO?","n":1}')
