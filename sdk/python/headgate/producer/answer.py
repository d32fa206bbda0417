"""What a router says of an event."""

from dataclasses import dataclass
from typing import Any, cast

from headgate.producer.error import SendError
from headgate.reading import Object

# Seconds: what a router may ask for; longer counts as this.
MAX_AFTER = 3600


@dataclass(frozen=True)
class Reply:
    """What came back for one try."""

    status: int  # as in HTTP
    body: Object | None  # its JSON, where it is an object
    retry_after: float | None = None  # seconds


@dataclass(frozen=True)
class Answer:
    """An event that a router has taken."""

    id: str
    source: str
    # accepted: on its disk. queued: telemetry, in its memory. duplicate: it has been
    # taken before. With wait, when the end came in time: done, failed or dropped.
    status: str
    # Tries that were made.
    attempts: int
    # By name, with wait, when the end came in time: state, attempt, result, reason.
    channels: dict[str, Any] | None = None
    # What proves it later, where it was asked for: `headgate audit receipt`.
    receipt: str | None = None


def taken(body: Object, attempts: int) -> Answer:
    """Read the answer for an event that was taken."""
    status = body.get("state") or body.get("status")
    fields = body.get("id"), body.get("source"), status
    if not all(isinstance(field, str) for field in fields):
        raise no_router()
    id, source, status = cast(tuple[str, str, str], fields)
    return Answer(
        id, source, status, attempts, body.get("channels"), body.get("receipt")
    )


def results(body: Object, events: int, attempts: int) -> list[Answer | SendError]:
    """Read the answer for a batch, which has a result for each event."""
    found = body.get("results")
    if not isinstance(found, list) or len(cast(list[Any], found)) != events:
        raise no_router()
    return [result(one, attempts) for one in cast(list[Object], found)]


def result(one: Object, attempts: int) -> Answer | SendError:
    status = one.get("status_code")
    if not isinstance(status, int):
        raise no_router()
    if 200 <= status < 300:
        return taken(one, attempts)
    error = refused(Reply(status, one, seconds(one.get("retry_after"))))
    error.attempts = attempts
    return error


def refused(reply: Reply) -> SendError:
    """Make an error of an answer that is no success (RFC 9457)."""
    body = reply.body or {}
    code = body.get("code")
    if 300 <= reply.status < 400:
        why = "the URL leads elsewhere: name the router itself"
        return SendError("redirect", why, status=reply.status)
    if not isinstance(code, str):
        code = f"status_{reply.status}"
    text = body.get("detail") or body.get("title") or "refused"
    again = reply.status in (408, 425, 429) or reply.status >= 500
    return SendError(
        code,
        str(text),
        status=reply.status,
        # A key that is being rotated gets one more try.
        retryable=again or reply.status == 401 and reply.retry_after is not None,
        retry_after=reply.retry_after,
        pointer=body.get("pointer"),
        request_id=body.get("request_id"),
    )


def no_router() -> SendError:
    return SendError("no_answer", "not a router's: is the URL right?", retryable=True)


def seconds(value: Any) -> float | None:
    """Read a Retry-After in seconds (RFC 9110, section 10.2.3)."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:9])
    if type(value) is not int or value <= 0:
        return None
    return float(min(value, MAX_AFTER))
