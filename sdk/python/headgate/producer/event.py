"""Events as routers take them: CloudEvents 1.0, structured JSON, read strictly."""

import json
import re
import uuid
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from headgate.digest import CORE, DATA, EXTENSION, utc
from headgate.producer.credential import ID
from headgate.producer.error import SendError
from headgate.reading import Object, Refused, loads, strict

# Bytes of an attribute, by its name. They are part of the wire contract.
MOST = {"id": 256, "source": 2048, "type": 256}
MAX_ATTRIBUTE = 4096

# What no attribute holds (CloudEvents 1.0.2, section 3.1): control characters and
# noncharacters.
LAST = "".join(
    chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17)
)
UNFIT = re.compile(f"[\0-\x1f\x7f-\x9f\ufdd0-\ufdef{LAST}]")
NO_URI = re.compile(r'[ "<>\\^`{|}]')


def make_event(
    type: str,
    source: str,
    data: Any = None,
    *,
    id: str | None = None,
    time: datetime | None = None,
    **attributes: str | int | bool,
) -> Object:
    """Make an event, with a new id and the time now unless they are given.

    data is a JSON value, or bytes. Attributes are subject, datacontenttype, dataschema
    and extensions. It raises SendError("bad_event") for what no router would take.
    """
    at = time or datetime.now(UTC)
    if at.tzinfo is None:
        raise bad("its time has no zone")
    event: Object = {
        "specversion": "1.0",
        "id": id or str(uuid.uuid4()),
        "source": source,
        "type": type,
        "time": at.isoformat().replace("+00:00", "Z"),
        **attributes,
    }
    if isinstance(data, bytes):
        event["data_base64"] = b64encode(data).decode()
    elif data is not None:
        event["data"] = data
    text_of(event)
    return event


def text_of(event: Mapping[str, Any] | bytes | str) -> tuple[str, Object]:
    """Give an event's text, and what it says. It raises SendError("bad_event")."""
    try:
        if isinstance(event, Mapping):
            text = json.dumps(
                dict(event), ensure_ascii=False, allow_nan=False, separators=(",", ":")
            )
        else:
            text = event.decode() if isinstance(event, bytes) else event
        text = text.strip(" \t\r\n")
        read = loads(text)
        strict(read)
    except RecursionError:
        raise bad("it is nested too deep") from None
    except (ValueError, TypeError) as fault:
        raise bad(str(fault)) from None
    if not isinstance(read, dict):
        raise bad("it is no JSON object")
    check(cast(Object, read))
    return text, cast(Object, read)


def check(event: Object) -> None:
    for name, value in event.items():
        if name not in DATA and value is not None:
            check_attribute(name, value)
    for name in ("id", "source", "type"):
        if event.get(name) is None:
            raise bad(f"{name} is missing")
    if event.get("specversion") != "1.0":
        raise bad('specversion is not "1.0"')
    if NO_URI.search(event["source"]):
        raise bad("source is not a URI-reference (RFC 3986)")
    try:
        utc(event.get("time"))
    except Refused:
        raise bad("time is not RFC 3339") from None
    if all(name in event for name in DATA):
        raise bad("data and data_base64 together")
    if "data_base64" in event:
        check_base64(event["data_base64"])


def check_attribute(name: str, value: Any) -> None:
    if not EXTENSION.fullmatch(name):
        raise bad("a name of an attribute is [a-z0-9]{1,20}")
    if isinstance(value, str):
        if len(value.encode()) > MOST.get(name, MAX_ATTRIBUTE):
            raise bad(f"{name} is too long")
        if UNFIT.search(value):
            raise bad(f"{name} holds a character that no attribute may")
        if not value and name in CORE:
            raise bad(f"{name} is present and empty")
    elif name in CORE:
        raise bad(f"{name} is not a string")
    elif isinstance(value, bool):
        pass
    elif not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise bad(f"{name} is neither string, integer of 32 bits nor boolean")


def check_base64(value: Any) -> None:
    try:
        if b64encode(b64decode(value, validate=True)).decode() == value:
            return
    except (ValueError, TypeError):
        pass
    raise bad("data_base64 is not base64 (RFC 4648, section 4)")


def check_alone(event: Object) -> None:
    """Refuse an id that no request can be signed with."""
    if not ID.fullmatch(event["id"]):
        raise bad("its id is sent in a batch alone: it is not [A-Za-z0-9_-]{1,128}")


def bad(why: str) -> SendError:
    return SendError("bad_event", why)
