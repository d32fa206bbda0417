"""Send events to headgate routers, until they are taken.

Begin with Producer and a credential, by HTTP with the standard library alone:

    with Producer("https://router:8443", hmac(secret, "shop-1")) as producer:
        producer.send(make_event("com.example.order.created", "//shop.example/till"))

ZeroMQ addresses need pyzmq; ed25519 and EventSigner need cryptography.

What is promised:

  - send returns only when a router has answered that it took the event: accepted is on
    its disk, queued in its memory, duplicate was taken before;
  - every try is the same bytes under the same id, with a proof of its own, so that a
    try whose answer was lost does no harm: the next one is a duplicate;
  - with an event signer all tries of an event carry the one signature;
  - a lost connection, silence, and an answer that asks to come back are tried again, a
    bounded number of times, after a wait with full jitter and not before the router
    said; what the router refuses for good is not.
"""

from typing import TYPE_CHECKING, Any

from headgate.producer.answer import Answer
from headgate.producer.credential import Credential, Outgoing, bearer, ed25519, hmac
from headgate.producer.error import SendError
from headgate.producer.event import make_event
from headgate.producer.producer import Producer

if TYPE_CHECKING:
    from headgate.producer.signer import EventSigner
    from headgate.sockets import Curve

__all__ = [
    "Answer",
    "Credential",
    "Curve",
    "EventSigner",
    "Outgoing",
    "Producer",
    "SendError",
    "bearer",
    "ed25519",
    "hmac",
    "make_event",
]


def __getattr__(name: str) -> Any:
    """Import late what needs more than the standard library."""
    if name == "EventSigner":
        from headgate.producer.signer import EventSigner

        return EventSigner
    if name == "Curve":
        from headgate.sockets import Curve

        return Curve
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
