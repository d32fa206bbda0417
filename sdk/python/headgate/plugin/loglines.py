"""Logging as JSON lines in the form of hclog, which a router reads from stderr."""

import json
import logging
import math
import sys
from datetime import datetime, timezone

# Characters of a text in a line; a router cuts lines at 16 KiB.
MAX_TEXT = 4096

LEVELS = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warn",
    logging.ERROR: "error",
    logging.CRITICAL: "error",
}
STANDARD = {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"}


class Lines(logging.Formatter):
    """Formats a record as one line. What extra= gives becomes a field each."""

    def format(self, record: logging.LogRecord) -> str:
        extra = record.__dict__.items()
        line = {name: plain(value) for name, value in extra if name not in STANDARD}
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)[-MAX_TEXT:]
        line["@level"] = LEVELS.get(record.levelno, "info")
        line["@message"] = record.getMessage()[:MAX_TEXT]
        line["@module"] = record.name
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line["@timestamp"] = at.isoformat(timespec="microseconds")
        return json.dumps(line)


def plain(value: object) -> object:
    """Make a field of what JSON can hold everywhere."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)[:MAX_TEXT]


def install(level: str) -> None:
    """Have every logger write such lines, from a level on."""
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(Lines())
    logging.basicConfig(handlers=[stderr], level=level, force=True)
