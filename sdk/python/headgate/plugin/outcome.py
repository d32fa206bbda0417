"""What a transform raises to say what becomes of an event.

Any other exception makes the event a dead letter too, with its traceback in the
router's log.
"""

from datetime import timedelta


class Drop(Exception):
    """The event ends here on purpose, for this reason."""


class Permanent(Exception):
    """No retry mends this: the event is a dead letter."""


class Retry(Exception):
    """The event comes again after that time, until it is out of attempts.

    Without a time it comes again after its channel's own backoff.
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        if after is not None and after <= timedelta():
            raise ValueError("an event cannot come again after no time or less")
        self.after = after
