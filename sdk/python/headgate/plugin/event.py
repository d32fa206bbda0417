"""One event on its way through a transform."""

import json
from dataclasses import dataclass
from typing import Any

from headgate.plugin.outcome import Permanent


@dataclass(frozen=True)
class Principal:
    """Who the router proved a sender to be."""

    provider: str  # name of the [[auth]] section
    issuer: str  # token issuer; empty for API keys
    subject: str


class Event:
    """A CloudEvents 1.0 event.

    data, json, data_is_json, data_content_type, data_schema and extensions may be
    changed; the router refuses a change of anything else. Absent text is empty.
    Parts that the transform does not need are absent.
    """

    def __init__(
        self,
        *,
        id: str = "",
        source: str = "",
        type: str = "",
        subject: str = "",
        time: str = "",
        data_content_type: str = "",
        data_schema: str = "",
        data: bytes | None = None,
        data_is_json: bool = False,
        extensions: dict[str, str | int | bool] | None = None,
        sender: Principal | None = None,
    ) -> None:
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time  # RFC 3339
        self.data_content_type = data_content_type
        self.data_schema = data_schema
        self.data_is_json = data_is_json
        self.extensions = extensions if extensions is not None else {}
        self.sender = sender
        self._data = data
        self._value: Any = None
        self._text: str | None = None  # of the value when it was read, if it was

    @property
    def data(self) -> bytes | None:
        """The data's bytes, or None when the event has none."""
        if self._text is not None and (text := encode(self._value)) != self._text:
            self._data, self._text = text.encode(), text
        return self._data

    @data.setter
    def data(self, data: bytes | None) -> None:
        self._data, self._text = data, None
        if data is None:
            self.data_is_json = False

    @property
    def json(self) -> Any:
        """The data as a JSON value. What is changed inside it changes the data.

        Data that is changed is written anew, so numbers beyond a double lose digits.
        Reading data that is no JSON raises Permanent.
        """
        if self._text is None:
            try:
                value = json.loads(self._data or b"")
                self._text = encode(value)
            except (ValueError, RecursionError):
                raise Permanent("the data is no JSON") from None
            self._value = value
        return self._value

    @json.setter
    def json(self, value: Any) -> None:
        self.data = encode(value).encode()
        self.data_is_json = True


def encode(value: Any) -> str:
    """Write a JSON value. It raises ValueError or TypeError for what is none."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
