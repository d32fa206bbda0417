"""Trust producers: act on nothing but what `signed` gives of an opened delivery."""

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Union

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from delivery import Object, Refused, must, read

Key = Union[Ed25519PublicKey, ec.EllipticCurvePublicKey]
Producers = list[tuple[list[str], str, Key]]  # sources, keyid, key

TYPE = "https://cloudevents.io/verifiability/dsse/v0.1"
MATERIAL = "dssematerial"
MAX_MATERIAL = 4096  # bytes: what an attribute may have
MAX_SIGNATURES = 4
CORE = "id source specversion type datacontenttype dataschema subject time".split()
DATA = "data", "data_base64"
EXTENSION = re.compile("[a-z0-9]{1,20}")
JSON_TYPE = re.compile(r"[^/;]+/([^;]*\+)?json\s*(;.*)?", re.IGNORECASE)
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def parse_producers(text: bytes) -> Producers:
    """Read who may sign for which source, for each pattern a JWK Set.

    `headgate key export --producers` writes it.
    """
    producers: Producers = []
    for source, jwks in json.loads(text).items():
        sources = source.split("/")
        if any("*" in s and s != "*" for s in sources[:-1]) or (
            "*" in sources[-1] and sources[-1] not in ("*", "**")
        ):
            raise ValueError(f"{source}: * is a whole segment, ** the last one")
        for jwk in jwks["keys"] or [{}]:
            producers.append((sources, jwk.get("kid", ""), load_key(jwk)))
            if not producers[-1][1]:
                raise ValueError(f"{source}: a key without kid")
    if not producers:
        raise ValueError("nobody could sign an event")
    return producers


def load_key(jwk: Object) -> Key:
    if jwk.get("crv") not in ("P-256", "Ed25519") or "d" in jwk:
        raise ValueError("a key of producers is public, and P-256 or Ed25519")
    x, *y = (urlsafe_b64decode(jwk[k] + "=") for k in ("x", "y") if k in jwk)
    if jwk["crv"] == "Ed25519":
        return Ed25519PublicKey.from_public_bytes(x)
    point = b"\4" + x + b"".join(y)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)


def signed(header: Object, raw: bytes, event: Object, producers: Producers) -> Object:
    """Give of an opened delivery what its producer has signed, or raise Refused."""
    must(header.get("transforms") in (None, []), "transformed")
    core = [event.get(name) for name in CORE]
    must(all(v is None or type(v) is str and v != "" for v in core), "event")
    must(not all(name in event for name in DATA), "event")
    must(event.get(MATERIAL) not in (None, ""), "dsse_absent")
    material = read_material(event[MATERIAL], event["source"], producers)
    data = data_of(dict(members(raw.decode())))
    sealed = digest(*core[:-1], utc(event.get("time")), data)
    must(sealed == decode(material["core"], 32), "dsse_core_mismatch")
    names = material.get("signedextattrs", [])
    if names:
        sealed = digest(*(canonical(event.get(name)) for name in names))
        must(sealed == decode(material["ext"], 32), "dsse_extensions_mismatch")
    kept = {*CORE, *DATA, *names, MATERIAL}
    return {name: value for name, value in event.items() if name in kept}


def read_material(value: Any, source: str, producers: Producers) -> Object:
    """Give what is signed, once a key of the source has verified that it is."""
    must(isinstance(value, str) and len(value) <= MAX_MATERIAL, "dsse_malformed")
    must("-" not in value and "_" not in value, "dsse_malformed")
    envelope = read(decode(value), "dsse_malformed", "payload", "payloadType")
    signatures = envelope.get("signatures", [])
    must(isinstance(signatures, list), "dsse_malformed")
    must(1 <= len(signatures) <= MAX_SIGNATURES, "dsse_malformed")
    parsed = []
    for one in signatures:
        must(isinstance(one, dict), "dsse_malformed")
        must(isinstance(one.get("keyid", ""), str), "dsse_malformed")
        parsed.append((one.get("keyid", ""), decode(one.get("sig"))))
    payload = decode(envelope["payload"])
    must(envelope["payloadType"] == TYPE, "dsse_payload_type")
    pae = b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)
    tries = [
        verifies(key, sig, pae)
        for keyid, sig in parsed
        for sources, kid, key in producers
        if keyid in ("", kid) and fits(sources, source.split("/"))
    ]
    must(bool(tries), "dsse_no_key")
    must(any(tries), "dsse_signature_mismatch")
    return check_material(read(payload, "dsse_malformed", "core"))


def check_material(material: Object) -> Object:
    decode(material["core"], 32)
    must(("ext" in material) == ("signedextattrs" in material), "dsse_malformed")
    if "ext" in material:
        names = material["signedextattrs"]
        decode(material["ext"], 32)
        must(isinstance(names, list), "dsse_malformed")
        must(all(isinstance(name, str) for name in names), "dsse_malformed")
        good = set(filter(EXTENSION.fullmatch, names)) - {*CORE, *DATA, MATERIAL}
        must(0 < len(names) == len(good), "dsse_signed_attributes")
    return material


def verifies(key: Key, sig: bytes, content: bytes) -> bool:
    if len(sig) != 64:
        return False
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(sig, content)
        else:
            r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
            key.verify(encode_dss_signature(r, s), content, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def fits(pattern: list[str], source: list[str]) -> bool:
    """Match segments: * is any one, ** at the end any rest of at least one."""
    if pattern[-1] == "**" and len(source) >= len(pattern):
        pattern, source = pattern[:-1], source[: len(pattern) - 1]
    same = all(want in ("*", got) for want, got in zip(pattern, source))
    return same and len(pattern) == len(source)


def digest(*parts: Union[str, bytes, None]) -> bytes:
    sealed = sha256()
    for part in parts:  # absent counts as empty
        part = part or b""
        sealed.update(sha256(part.encode() if isinstance(part, str) else part).digest())
    return sealed.digest()


def canonical(value: Any) -> str:
    """Write an extension's value as CloudEvents does, section 3.1."""
    must(value is None or type(value) in (str, int, bool), "event")
    if value is None or isinstance(value, str):
        return value or ""
    return str(value).lower()


def utc(text: Union[str, None]) -> str:
    """Write a time as it is signed: in UTC, cut to whole seconds."""
    if text is None:
        return ""
    match = TIME.fullmatch(text)
    if match is None:
        raise Refused("dsse_core_mismatch")
    *fields, sign, hours, minutes = match.groups()
    year, month, day, hour, minute, second = map(int, fields)
    zone = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        at = datetime(year, month, day, hour, minute, second)
        at -= -zone if sign == "-" else zone
    except (ValueError, OverflowError):
        raise Refused("dsse_core_mismatch") from None
    return f"{at.isoformat()}Z"


def data_of(texts: dict[str, str]) -> bytes:
    """Give an event's data by the CloudEvents JSON format, section 3.1."""
    if "data_base64" in texts:
        return decode(json.loads(texts["data_base64"]), check="event")
    data = texts.get("data", "")
    media = json.loads(texts.get("datacontenttype", "null")) or "application/json"
    if data.startswith('"') and not JSON_TYPE.fullmatch(media):
        return json.loads(data).encode()
    return data.encode()


def members(text: str) -> Iterator[tuple[str, str]]:
    """Give each name and the exact text of its value, of an object of good form."""
    scan = json.JSONDecoder().raw_decode
    at = past(text, 0, "{")
    while text[at] != "}":
        name, at = scan(text, at)
        start = past(text, at, ":")
        at = scan(text, start)[1]
        yield name, text[start:at]
        at = past(text, at, ",")


def past(text: str, at: int, mark: str) -> int:
    return len(text) - len(text[at:].lstrip(" \t\r\n" + mark))


def decode(text: Any, size: int = -1, check: str = "dsse_malformed") -> bytes:
    """Decode base64 in its only spelling; DSSE leaves the choice of alphabet."""
    must(isinstance(text, str), check)
    must(not ("-" in text or "_" in text) or not ("+" in text or "/" in text), check)
    standard = text.replace("-", "+").replace("_", "/")
    try:
        raw = b64decode(standard)
    except ValueError:
        raise Refused(check) from None
    must(b64encode(raw).decode() == standard and size in (-1, len(raw)), check)
    return raw
