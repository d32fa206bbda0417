"""Hold headgate.dsse against the vectors that the Go and JavaScript code read too."""

import json
import unittest
from base64 import b64decode, b64encode
from typing import Any

from headgate import digest, dsse
from headgate.reading import Refused, read
from tests.vectors import load as vectors

DSSE = vectors("dsse.json")


def load(producers: Any) -> dsse.Producers:
    return dsse.parse_producers(json.dumps(producers).encode())


PRODUCERS = load(DSSE["producers"])


def signed(text: str, **header: Any) -> tuple[str, Any]:
    try:
        raw = text.encode()
        event = read(raw, "event", "specversion", "id", "source", "type")
        return "ok", dsse.signed(header, raw, event, PRODUCERS)
    except Refused as refused:
        return str(refused), None


class Verify(unittest.TestCase):
    def test_every_vector(self) -> None:
        for vector in DSSE["verify"]:
            with self.subTest(vector["name"]):
                verdict, kept = signed(vector["event"])
                self.assertEqual(verdict, vector["outcome"])
                if kept is not None:
                    want = vector.get("kept", vector["event"])
                    self.assertEqual(kept, json.loads(want))

    def test_transformed(self) -> None:
        good = DSSE["verify"][0]["event"]
        self.assertEqual(signed(good, transforms=[])[0], "ok")
        for transforms in ([{"name": "mask", "version": "1"}], [None], {}, "", 0):
            self.assertEqual(signed(good, transforms=transforms)[0], "transformed")

    def test_what_a_router_lets_no_producer_send(self) -> None:
        good = DSSE["verify"][0]["event"]
        for old, new in (
            ('"data":', '"data_base64":"YQ==","data":'),
            ('"data":', '"data_base64":null,"data":'),
            ('"data":', '"subject":"","data":'),
            ('"data":', '"subject":0,"data":'),
            ('"data":{"amount":12.50}', '"data_base64":{"amount":12.50}'),
        ):
            self.assertEqual(signed(good.replace(old, new))[0], "event")
        events = [vector["event"] for vector in DSSE["verify"]]
        absent = next(event for event in events if '"priority":null' in event)
        for value in ("1.5", "{}", "[]"):
            event = absent.replace('"priority":null', f'"priority":{value}')
            self.assertEqual(signed(event)[0], "event")
        material = json.loads(good)[digest.MATERIAL]
        for size, want in ((3072, "ok"), (3075, "dsse_malformed")):
            long = b64encode(b64decode(material).ljust(size)).decode()
            self.assertEqual(signed(good.replace(material, long))[0], want)

    def test_times(self) -> None:
        for time, want in (
            ("2026-11-22T00:30:00.9+01:30", "2026-11-21T23:00:00Z"),
            ("0001-01-01T00:00:00-00:01", "0001-01-01T00:01:00Z"),
        ):
            self.assertEqual(digest.utc(time), want)
        for time in (
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00Z\n",
            "2026-01-01T00:00:00+24:00",
            "٢٠٢٦-01-01T00:00:00Z",
            "0001-01-01T00:00:00+00:01",
            "0000-12-31T23:59:00-00:01",
            "9999-12-31T23:59:59-00:01",
        ):
            with self.subTest(time), self.assertRaises(Refused):
                digest.utc(time)


class Sign(unittest.TestCase):
    def test_every_vector(self) -> None:
        for vector in DSSE["sign"]:
            with self.subTest(vector["name"]):
                event, payload = json.loads(vector["event"]), vector["payload"]
                sealed = digest.core_digest(event, vector["event"])
                self.assertEqual(sealed, b64decode(json.loads(payload)["core"]))
                if names := vector["extensions"]:
                    ext = b64decode(json.loads(payload)["ext"])
                    self.assertEqual(digest.extensions_digest(event, names), ext)
                pae = digest.pae(payload.encode()).decode()
                self.assertEqual(pae, vector["signed"])


class Producers(unittest.TestCase):
    def test_refused(self) -> None:
        key = DSSE["producers"]["//shop.example/**"]["keys"][1]
        self.assertEqual(len(load({"//a/**": {"keys": [key]}})), 1)
        for bad in (
            {},
            {"//a/**": {"keys": []}},
            [],
            {"//a/**": {}},
            {"//a/**": [key]},
            {"//a*": {"keys": [key]}},
            {"**/a": {"keys": [key]}},
            {"//a/**": {"keys": [{k: v for k, v in key.items() if k != "kid"}]}},
            {"//a/**": {"keys": [key, key | {"crv": "P-384"}]}},
            {"//a/**": {"keys": [key | {"d": key["x"]}]}},
            {"//a/**": {"keys": [key | {"x": "AAAA"}]}},
            {"//a/**": {"keys": [key | {"crv": "P-256", "y": key["x"]}]}},
        ):
            with self.subTest(bad), self.assertRaises(ValueError):
                load(bad)

    def test_patterns(self) -> None:
        for pattern, source, fits in (
            ("//a/**", "//a/b/c", True),
            ("//a/**", "//a/", True),
            ("//a/**", "//a", False),
            ("//a/*", "//a/b", True),
            ("//a/*", "//a/b/c", False),
            ("//*/b", "//a/b", True),
            ("**", "x", True),
            ("//a", "//A", False),
        ):
            with self.subTest(pattern, source=source):
                self.assertEqual(dsse.fits(pattern.split("/"), source.split("/")), fits)
