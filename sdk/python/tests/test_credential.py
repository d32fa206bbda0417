"""Hold headgate.producer to what proves a sender, and to what keeps others out."""

import json
import ssl
import subprocess
import tempfile
import unittest
from base64 import b64decode

import zmq

from headgate.producer import (
    Curve,
    EventSigner,
    Outgoing,
    SendError,
    bearer,
    ed25519,
    hmac,
    make_event,
)
from headgate.sockets import Socket
from tests.doors import HttpDoor, ZmqDoor, problem, taken
from tests.producing import DOORS, EVENT, SECRET, Case
from tests.vectors import load


class Security(Case):
    def test_tls(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
            subprocess.run(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
                f" -subj /CN=r -addext subjectAltName=IP:127.0.0.1 -keyout {key}"
                f" -out {cert}".split(),
                check=True,
                capture_output=True,
            )
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(cert, key)
            door = self.door(HttpDoor, taken, tls=server)
            trusting = ssl.create_default_context(cafile=cert)
            good = self.producer(door.at, tls=trusting)
            self.assertEqual(good.send(EVENT).attempts, 1)
            stranger = self.producer(door.at)
            error = self.refused("tls", 1, lambda: stranger.send(EVENT))
            self.assertFalse(error.retryable)
            other = door.at.replace("127.0.0.1", "localhost")
            named = self.producer(other, tls=trusting)
            self.refused("tls", 1, lambda: named.send(EVENT))
            self.assertEqual(len(door.asked), 1)
        trusting.check_hostname = False
        with self.assertRaises(ValueError):
            self.producer(door.at, tls=trusting)
        trusting.verify_mode = ssl.CERT_NONE
        with self.assertRaises(ValueError):
            self.producer(door.at, tls=trusting)

    def test_nothing_leaves_in_the_clear(self) -> None:
        for url in ("http://router.example", "http://localhost:1", "https://", ""):
            with self.subTest(url), self.assertRaises(ValueError):
                self.producer(url).send(EVENT)
        for url in ("https://u:secret@router.example", "https://router.example/?a=b"):
            with self.subTest(url), self.assertRaises(ValueError) as told:
                self.producer(url)
            self.assertNotIn("secret", str(told.exception))

    def test_curve(self) -> None:
        public, secret = zmq.curve_keypair()
        own = zmq.curve_keypair()[1].decode()

        def seal(s: Socket) -> None:
            s.curve_secretkey, s.curve_publickey = secret, public
            s.curve_server = True

        door = self.door(ZmqDoor, taken, seal=seal)
        good = self.producer(door.at, curve=Curve(public.decode(), own))
        self.assertEqual(good.send(EVENT).attempts, 1)
        wrong = Curve(zmq.curve_keypair()[0].decode(), own)
        for curve in (wrong, None):
            producer = self.producer(door.at, curve=curve, tries=1, timeout=0.5)
            self.refused("unreachable", 1, lambda p=producer: p.send(EVENT))
        self.assertEqual(len(door.asked), 1)

    def test_options(self) -> None:
        curve = Curve(*[k.decode() for k in zmq.curve_keypair()])
        tls = ssl.create_default_context()
        for at, given in (
            ("https://r", {"curve": curve}),
            ("tcp://127.0.0.1:1", {"tls": tls}),
            ([], {}),
            ("https://r", {"tries": 0}),
            ("https://r", {"timeout": 0}),
        ):
            with self.subTest(at, given=given), self.assertRaises(ValueError):
                self.producer(at, **given)  # type: ignore


class Credentials(Case):
    def test_every_vector(self) -> None:
        signed = 0
        for vector in load("webhook.json")["vectors"]:
            if vector["outcome"] != "accept":
                continue
            with self.subTest(vector["name"]):
                make = hmac if vector["kind"] == "hmac" else ed25519
                body = b64decode(vector["body"])
                o = Outgoing(vector["id"], body, int(vector["timestamp"]))
                headers = make(vector["signing_key"])(o)
                self.assertIn(headers["webhook-signature"], vector["signature"].split())
                self.assertNotIn("headgate-key-id", headers)
                signed += 1
        self.assertGreater(signed, 3)

    def test_keys_that_are_none(self) -> None:
        key = load("webhook.json")["vectors"][0]["signing_key"]
        for make, text in (
            (hmac, ""),
            (hmac, key.removeprefix("whsec_")),
            (hmac, "whsec_" + "AAAA" * 10),  # 30 bytes
            (hmac, "whsec_" + "AAAA" * 22),  # 66
            (hmac, SECRET[:-1]),
            (hmac, SECRET + "\n"),
            (hmac, "whsec_" + "AAAA" * 10 + "AAB="),  # stray bits
            (ed25519, SECRET),
            (ed25519, "whsk_" + "AAAA" * 11),  # 33
            (ed25519, "whsk_" + "AAAA" * 21 + "AA=="),  # not its public half
        ):
            with self.subTest(text), self.assertRaises(ValueError) as told:
                make(text)
            if text:
                self.assertNotIn(text[6:], str(told.exception))
        with self.assertRaises(ValueError):
            hmac(SECRET, "k\r\nx: y")

    def test_tokens(self) -> None:
        tokens = iter(["one", "two"])
        for kind in DOORS:
            answers = [problem(503, "overloaded")]
            door = self.door(kind, lambda a, t=answers: t.pop() if t else taken(a))
            tokens = iter(["one", "two.b_-=="])
            credential = bearer(lambda t=tokens: next(t))
            self.producer(door.at, credential).send(EVENT)
            got = [a.headers["authorization"] for a in door.asked]
            self.assertEqual(got, ["Bearer one", "Bearer two.b_-=="])
            self.assertNotIn("webhook-id", door.asked[0].headers)

    def test_a_token_that_is_not_there(self) -> None:
        def away() -> str:
            raise OSError("the secret place")

        door = self.door(HttpDoor, taken)
        for token, tries in ((away, 2), ("a b", 1), ("", 1), ("a\r\nb: c", 1)):
            producer = self.producer(door.at, bearer(token), tries=2)
            error = self.refused("token", tries, lambda p=producer: p.send(EVENT))
            self.assertNotIn("secret", str(error))
        self.assertEqual(door.asked, [])

    def test_a_token_that_is_bound(self) -> None:
        signer = EventSigner("whsk_" + "AAAA" * 10 + "AAA=", "till")
        door = self.door(HttpDoor, taken)
        producer = self.producer(
            door.at, bearer("t", bound_to=signer), event_signer=signer
        )
        producer.send(EVENT)
        key = json.loads(door.asked[0].headers["headgate-event-key"])
        self.assertEqual(key, signer.public_jwk())
        self.assertIn("dssematerial", door.asked[0].event)


class Events(unittest.TestCase):
    def test_every_vector(self) -> None:
        from headgate.producer.event import text_of

        for vector in load("event.json"):
            with self.subTest(vector["name"]):
                good = vector["outcome"] == "ok"
                try:
                    text_of(b64decode(vector["raw_base64"]))
                except SendError as error:
                    self.assertFalse(good or error.retryable)
                    self.assertEqual(error.code, "bad_event")
                else:
                    self.assertTrue(good)

    def test_make(self) -> None:
        from datetime import datetime, timedelta, timezone

        made = make_event("a.b", "//s", {"x": 1}, subject="y", n=7)
        self.assertRegex(made["id"], r"^[0-9a-f-]{36}$")
        self.assertRegex(made["time"], r"^2.*Z$")
        self.assertEqual([made["data"], made["subject"], made["n"]], [{"x": 1}, "y", 7])
        self.assertNotEqual(made["id"], make_event("a.b", "//s")["id"])
        at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))
        made = make_event("a", "//s", b"\xff", id="i", time=at)
        want = {"specversion": "1.0", "id": "i", "source": "//s", "type": "a"}
        want |= {"time": "2026-01-01T00:00:00+01:00", "data_base64": "/w=="}
        self.assertEqual(made, want)
        for bad in ({"time": datetime(2026, 1, 1)}, {"X": "y"}, {"x": ()}):
            with self.assertRaises(SendError):
                make_event("a", "//s", **bad)  # type: ignore
        with self.assertRaises(SendError):
            make_event("a", "//s", {"x": object()})
