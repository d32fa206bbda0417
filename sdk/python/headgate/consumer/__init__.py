"""Take a router's deliveries, check them, work and reply.

Begin with Consumer for a command channel, where every event is acknowledged, or with
Subscriber for a telemetry channel, where none is. It needs pyzmq and cryptography.

What is promised of a command channel:

  - work sees only deliveries that passed every check, and with producers only events
    that their producer has signed. One that did not is never acknowledged;
  - keys in files are those that stand there now: a running consumer looks every
    second, and what cannot be used there changes nothing;
  - an event is acknowledged only after its work has returned. Until then the router
    delivers it again, to this consumer or another;
  - an event that was done here is not worked on again while it is remembered, and
    never twice at once: it is acknowledged again, because the last reply may have been
    lost. To remember across restarts, use your database;
  - all that is held, begun or waiting, is reported as in progress, so that slow work
    makes neither itself nor what waits behind it lapse;
  - at the end what was not begun is given back at once, as no failure.
"""

from headgate.consumer.consumer import Consumer
from headgate.consumer.counts import Counts
from headgate.consumer.subscriber import Subscriber
from headgate.consumer.work import BatchWork, Delivery, Failed, Retry, Work
from headgate.delivery import open, parse_keys
from headgate.dsse import parse_producers
from headgate.reading import Refused
from headgate.sockets import Curve

__all__ = [
    "BatchWork",
    "Consumer",
    "Counts",
    "Curve",
    "Delivery",
    "Failed",
    "Refused",
    "Retry",
    "Subscriber",
    "Work",
    "open",
    "parse_keys",
    "parse_producers",
]
