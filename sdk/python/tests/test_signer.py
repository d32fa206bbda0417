"""Hold EventSigner against the vectors, and against who verifies."""

import json
import unittest
from base64 import b64decode, b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from headgate import dsse
from headgate.producer import EventSigner, SendError
from headgate.reading import Refused, read
from tests.vectors import load

DSSE = load("dsse.json")
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes([3]) * 32)


def verified(raw: bytes, signer: EventSigner) -> Any:
    jwk = signer.public_jwk() | {"kid": signer.key_id}
    producers = dsse.parse_producers(json.dumps({"**": {"keys": [jwk]}}).encode())
    event = read(raw, "event", "specversion", "id", "source", "type")
    return dsse.signed({}, raw, event, producers)


class Sign(unittest.TestCase):
    def test_every_vector(self) -> None:
        for key in (P256, ED25519):
            for vector in DSSE["sign"]:
                with self.subTest(vector["name"], key=type(key)):
                    signer = EventSigner(key, "till", vector["extensions"])
                    raw = signer.sign(vector["event"])
                    material = json.loads(b64decode(json.loads(raw)["dssematerial"]))
                    payload = b64decode(material["payload"]).decode()
                    self.assertEqual(payload, vector["payload"])
                    kept = verified(raw, signer)
                    self.assertEqual(kept["id"], json.loads(vector["event"])["id"])

    def test_the_rest_stays_to_the_byte(self) -> None:
        signer = EventSigner(ED25519, "k")
        event = DSSE["verify"][0]["event"]  # signed by another
        raw = signer.sign(event).decode()
        before, after = (json.loads(text) for text in (event, raw))
        self.assertNotEqual(before.pop("dssematerial"), after.pop("dssematerial"))
        self.assertEqual(before, after)
        self.assertIn('"data":{"amount":12.50}', raw)
        self.assertEqual(raw.count("dssematerial"), 1)
        verified(raw.encode(), signer)

    def test_what_is_covered(self) -> None:
        signer = EventSigner(P256, "k", ["tenant"])
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
        raw = signer.sign(event | {"tenant": "a", "other": "b", "data": "x"}).decode()
        self.assertEqual(verified(raw.encode(), signer)["tenant"], "a")
        self.assertNotIn("other", verified(raw.encode(), signer))
        for old, new in (('"a"', '"b"'), ('"x"', '"y"'), ('"/s"', '"/r"')):
            with self.assertRaises(Refused):
                verified(raw.replace(old, new).encode(), signer)

    def test_refused(self) -> None:
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
        with self.assertRaises(ValueError):
            EventSigner(P256, "k", ["tenant"]).sign(event | {"tenant": ""})
        with self.assertRaises(ValueError):
            EventSigner(P256, "k" * 4000).sign(event)
        with self.assertRaises(SendError):
            EventSigner(P256, "k").sign(event | {"id": ""})
        for names in (["id"], ["a", "a"], ["A"], ["data"], ["dssematerial"]):
            with self.assertRaises(ValueError):
                EventSigner(P256, "k", names)


class Keys(unittest.TestCase):
    def test_each_form(self) -> None:
        for key in (P256, ED25519):
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            want = EventSigner(key, "k").public_jwk()
            for form in (pem, pem.decode()):
                self.assertEqual(EventSigner(form, "k").public_jwk(), want)
        seed = "whsk_" + b64encode(bytes([3]) * 32).decode()
        want = EventSigner(ED25519, "k").public_jwk()
        self.assertEqual(EventSigner(seed, "k").public_jwk(), want)

    def test_refused(self) -> None:
        other: Any = ec.generate_private_key(ec.SECP384R1())
        for key in (other, "nonsense", b"\xff", "whsk_AAAA"):
            with self.assertRaises(ValueError):
                EventSigner(key, "k")
