"""Why an event was not taken."""


class SendError(Exception):
    """An event, or a batch as a whole, that no router has taken as far as is known.

    Branch on retryable, or on code: the router's own (`headgate openapi` lists them),
    or bad_event, token, unreachable, closed, timeout, tls, redirect, no_answer. It is
    that of the last try. In a try that ends with unreachable nothing was sent; after
    closed, timeout and no_answer, and wherever attempts is more than 1, the event may
    have been taken: send it again under its id, never under another. No text in it
    holds a secret, a token or an event's data.
    """

    def __init__(
        self,
        code: str,
        text: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        pointer: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        # The router's, as in HTTP; None where no router has answered.
        self.status = status
        # The same event, under the same id, may get another answer later.
        self.retryable = retryable
        # Seconds to wait before that, where the router said so.
        self.retry_after = retry_after
        # JSON Pointer (RFC 6901) into the event, with the code schema.
        self.pointer = pointer
        # Joins the answer to the router's log.
        self.request_id = request_id
        # Tries that were made.
        self.attempts = 0
