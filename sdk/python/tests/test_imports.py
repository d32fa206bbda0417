"""Each part needs no more than it says, and says what it needs."""

import subprocess
import sys
import unittest

WITHOUT = """
import sys
for name in {!r}.split():
    sys.modules[name] = None
sys.dont_write_bytecode = True
"""


def run(without: str, program: str) -> str:
    """Run a program in a Python without these packages, and give its last words."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(without) + program],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip().split("\n")[-1]


class Needs(unittest.TestCase):
    def test_nothing(self) -> None:
        sends = (
            "from headgate.producer import Producer, bearer, hmac, make_event\n"
            "hmac('whsec_' + 'AAAA' * 10 + 'AAA=')\n"
            "make_event('a.b', '//s', {'n': 1})\n"
            "Producer('https://router.example', bearer('t'))\n"
        )
        for program in ("import headgate", "import headgate.producer", sends):
            self.assertEqual(run("zmq cryptography grpc google", program), "")

    def test_a_plugin_needs_no_pyzmq(self) -> None:
        self.assertEqual(run("zmq", "import headgate.plugin"), "")

    def test_no_grpc(self) -> None:
        for part in ("consumer", "producer", "producer.signer", "producer.dealer"):
            self.assertEqual(run("grpc google", f"import headgate.{part}"), "")

    def test_what_is_missing_is_said(self) -> None:
        for without, program in (
            ("zmq", "import headgate.consumer"),
            ("cryptography", "import headgate.consumer"),
            (
                "zmq",
                "from headgate.producer import Producer, bearer\n"
                "Producer('tcp://127.0.0.1:1', bearer('t'))",
            ),
            (
                "cryptography",
                "from headgate.producer import ed25519; ed25519('whsk_')",
            ),
            ("cryptography", "from headgate.producer import EventSigner"),
        ):
            with self.subTest(without, program=program):
                said = run(without, program)
                self.assertTrue(said.startswith("ImportError: "), said)
                pip = without.replace("zmq", "pyzmq")
                self.assertIn(f"apt install python3-{without}", said)
                self.assertIn(f"pip install {pip}", said)
