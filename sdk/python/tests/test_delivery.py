"""Hold headgate.delivery against the vectors that Go and JavaScript code read too."""

import hashlib
import hmac
import json
import struct
import unittest
from base64 import b64decode, b64encode, urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from headgate import delivery
from headgate.reading import read
from tests.vectors import load

DELIVERY = load("delivery.json")
EVENT = load("event.json")

# What read() refuses. The rules for attributes are the router's, which made them
# before it signed.
READ = "repeated", "utf-8", "surrogate", "byte order mark", "NaN", "double", "after"


def frames_of(vector: Any) -> list[bytes]:
    return [b64decode(frame) for frame in vector["frames_base64"]]


def keys_of(jwks: Any) -> delivery.Keys:
    return delivery.parse_keys(json.dumps(jwks).encode())


def outcome(frames: list[bytes], keys: delivery.Keys) -> str:
    try:
        delivery.open(frames, keys, DELIVERY["channels"], DELIVERY["now"])
    except delivery.Refused as refused:
        return str(refused)
    return "ok"


class Open(unittest.TestCase):
    def test_every_vector(self) -> None:
        for vector in DELIVERY["open"]:
            with self.subTest(vector["name"]):
                keys = keys_of(DELIVERY["keys"])
                self.assertEqual(outcome(frames_of(vector), keys), vector["outcome"])

    def test_known_root_is_no_milder(self) -> None:
        keys = keys_of(DELIVERY["keys"])
        for vector in DELIVERY["open"]:
            outcome(frames_of(vector), keys)
        for vector in DELIVERY["open"]:
            with self.subTest(vector["name"]):
                # Where the root is right, its signature is not read again.
                known = vector["name"].startswith(("signature", "signed"))
                want = "ok" if known else vector["outcome"]
                self.assertEqual(outcome(frames_of(vector), keys), want)

    def test_remembers_64_roots(self) -> None:
        frames = frames_of(DELIVERY["open"][0])
        header = json.loads(frames[1])
        keys = keys_of(DELIVERY["keys"])
        for attempt in range(1, 101):
            header["attempt"] = attempt
            frames[1] = json.dumps(header).encode()
            self.assertEqual(outcome(sign(frames, header["kid"]), keys), "ok")
        self.assertEqual(len(keys[header["kid"]][1]), 64)

    def test_last_second(self) -> None:
        frames = frames_of(DELIVERY["open"][0])
        exp = json.loads(frames[1])["exp"]
        keys = keys_of(DELIVERY["keys"])
        delivery.open(frames, keys, DELIVERY["channels"], exp + 0.9)
        with self.assertRaisesRegex(delivery.Refused, "expired"):
            delivery.open(frames, keys, DELIVERY["channels"], exp + 1)

    def test_block_outside_the_tree(self) -> None:
        frames = frames_of(DELIVERY["open"][0])
        signature = frames[4][9:73]
        for index, size, proof in ((1, 1, 0), (0, 0, 0), (0, 257, 9), (255, 256, 7)):
            frames[4] = b"\1" + struct.pack(">II", index, size) + signature
            frames[4] += bytes(32 * proof)
            with self.subTest(index=index, size=size):
                self.assertEqual(outcome(frames, keys_of(DELIVERY["keys"])), "block")

    def test_header_of_wrong_types(self) -> None:
        frames = frames_of(DELIVERY["open"][0])
        keys = keys_of(DELIVERY["keys"])
        header = json.loads(frames[1])
        for name in ("v", "id", "source", "channel", "kid", "exp"):
            for value in (None, [], {}, "", 1.5):
                if isinstance(value, str) and isinstance(header[name], str):
                    continue
                with self.subTest(name, value=value):
                    frames[1] = json.dumps(header | {name: value}).encode()
                    self.assertEqual(outcome(frames, keys), "frames")


class Parts(unittest.TestCase):
    def test_leaves(self) -> None:
        for vector in DELIVERY["leaves"]:
            self.assertEqual(delivery.leaf(frames_of(vector)).hex(), vector["leaf"])

    def test_leases(self) -> None:
        for vector in DELIVERY["leases"]:
            grant = [str(vector[k]) for k in ("channel", "seq", "attempt", "peer")]
            key = bytes.fromhex(vector["key"])
            self.assertEqual(lease(key, grant), vector["lease"])

    def test_events(self) -> None:
        for vector in EVENT:
            good = vector["outcome"] == "ok"
            if not good and not any(word in vector["name"] for word in READ):
                continue
            with self.subTest(vector["name"]):
                self.assertEqual(reads(b64decode(vector["raw_base64"])), good)

    def test_objects(self) -> None:
        event = '{"specversion":"1.0","id":"1","source":"/a","type":"t","data":%s}'
        for data, good in (
            ('{"a" : 1, "b"\n:[{"a":2}], "c":"\\":"}', True),
            ('{"a" : 1, "b":2, "a"\n:1}', False),
            ('{"\\ud83d":1}', False),
            ('{"a":' * 100_000 + "1" + "}" * 100_000, False),
        ):
            with self.subTest(data[:40]):
                self.assertEqual(reads((event % data).encode()), good)
        for text in (b"null", b"1", b'"specversion"', b"[]", b""):
            self.assertFalse(reads(text))

    def test_what_is_no_key_set(self) -> None:
        short = DELIVERY["keys"]["keys"][0] | {"x": "AAAA"}
        for text in (
            b"",
            b"[]",
            b"{}",
            b'{"keys":[]}',
            b'{"keys":[1]}',
            json.dumps({"keys": [short]}).encode(),
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                delivery.parse_keys(text)

    def test_keys_of_other_kinds_are_passed_over(self) -> None:
        other = {"kty": "EC", "crv": "P-256", "kid": "other", "x": "AA", "y": "AA"}
        keys = keys_of({"keys": [other, *DELIVERY["keys"]["keys"]]})
        self.assertEqual(list(keys), [DELIVERY["keys"]["keys"][0]["kid"]])


def reads(event: bytes) -> bool:
    try:
        read(event, "event", "specversion", "id", "source", "type")
    except delivery.Refused:
        return False
    return True


def sign(frames: list[bytes], kid: str) -> list[bytes]:
    """Sign a tree of one with the key of the vectors."""
    root = b64encode(delivery.leaf(frames)).decode()
    key = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
    signature = key.sign(f"headgate.root.v1\n{kid}\n1\n{root}\n".encode())
    return [*frames[:4], b"\1" + struct.pack(">II", 0, 1) + signature]


def lease(key: bytes, grant: list[str]) -> str:
    """Compute a lease as the router does; a consumer only hands it back."""
    parts = [b"headgate.lease.v1", *(part.encode() for part in grant)]
    sized = [len(part).to_bytes(8, "little") + part for part in parts]
    pae = b"HGPAE1" + len(parts).to_bytes(8, "little") + b"".join(sized)
    mac = hmac.new(key, pae, hashlib.sha256).digest()
    return urlsafe_b64encode(mac[:16]).decode().rstrip("=")
