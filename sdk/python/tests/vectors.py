"""The vectors of the wire contract, which Go, Python and JavaScript code all read."""

import json
from pathlib import Path
from typing import Any

PLACE = Path(__file__).resolve().parents[2] / "testdata" / "vectors"


def load(name: str) -> Any:
    return json.loads((PLACE / name).read_text())
