"""What the signature of an event's producer covers (CloudEvents DSSE v0.1)."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from headgate.reading import Object, Refused, must

TYPE = "https://cloudevents.io/verifiability/dsse/v0.1"
MATERIAL = "dssematerial"
# Bytes of base64: what an attribute of an event may have.
MAX_MATERIAL = 4096
CORE = "id source specversion type datacontenttype dataschema subject time".split()
DATA = "data", "data_base64"
EXTENSION = re.compile("[a-z0-9]{1,20}")
JSON_TYPE = re.compile(r"[^/;]+/([^;]*\+)?json\s*(;.*)?", re.IGNORECASE)
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?"
    r"(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def core_digest(event: Object, raw: str) -> bytes:
    """Seal the core attributes and the data of an event that raw is the text of."""
    core = [event.get(name) for name in CORE[:-1]]
    return digest(*core, utc(event.get("time")), data_of(dict(members(raw))))


def extensions_digest(event: Object, names: Sequence[str]) -> bytes:
    """Seal the values of these extensions; one that is absent counts as empty."""
    return digest(*(canonical(event.get(name)) for name in names))


def pae(payload: bytes) -> bytes:
    """Give what is signed of a payload (DSSE v1, section "Protocol")."""
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)


def digest(*parts: str | bytes | None) -> bytes:
    sealed = sha256()
    for part in parts:  # absent counts as empty
        part = part or b""
        sealed.update(sha256(part.encode() if isinstance(part, str) else part).digest())
    return sealed.digest()


def signable(names: Sequence[str]) -> bool:
    """Tell whether these are names of extensions, each once."""
    good = set(filter(EXTENSION.fullmatch, names)) - {*CORE, *DATA, MATERIAL}
    return 0 < len(names) == len(good)


def canonical(value: Any) -> str:
    """Write an extension's value as CloudEvents does, section 3.1."""
    must(value is None or type(value) in (str, int, bool), "event")
    if value is None or isinstance(value, str):
        return value or ""
    return str(value).lower()


def utc(text: str | None) -> str:
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
    at = _past(text, 0, "{")
    while text[at] != "}":
        name, at = scan(text, at)
        start = _past(text, at, ":")
        at = scan(text, start)[1]
        yield name, text[start:at]
        at = _past(text, at, ",")


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


def _past(text: str, at: int, mark: str) -> int:
    """Step over white space and one of the mark."""
    while text[at] in " \t\r\n":
        at += 1
    if text[at] == mark:
        at += 1
        while text[at] in " \t\r\n":
            at += 1
    return at
