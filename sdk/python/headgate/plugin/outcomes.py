"""What becomes of events: a call of a transform's function, guarded."""

import math
import traceback
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from headgate.plugin import wire
from headgate.plugin.event import Event
from headgate.plugin.outcome import Drop, Permanent, Retry
from headgate.plugin.transform import Transform

# In characters, of what a function says about an event. A stack's end says most.
MAX_REASON = 1024
MAX_STACK = 8192
MAX_AFTER = 2**32 - 1  # milliseconds, what the wire holds

OUTCOME = wire.V1["Outcome"]


def outcomes(
    kind: Transform[..., Any], rest: tuple[Any, ...], befores: Sequence[Any]
) -> list[Any]:
    """Call the function once with these events, and say what becomes of each."""
    events = [wire.read_event(before) for before in befores]
    ends: Sequence[BaseException | None]
    try:
        ends = kind.ends(events, rest)
    except (Drop, Permanent, Retry) as e:
        ends = [e] * len(events)
    except BaseException as e:  # even sys.exit: the process outlives an event
        if len(events) > 1:  # one of them may be to blame for all
            return [o for before in befores for o in outcomes(kind, rest, [before])]
        ends = [e]
    return [outcome(*each) for each in zip(befores, events, ends, strict=True)]


def outcome(before: Any, event: Event, end: BaseException | None) -> Any:
    """Say what became of an event, by what ended it or else by what was changed."""
    try:
        if end is not None:
            raise end
        after = wire.write_event(event)
    except Drop as e:
        return OUTCOME(drop={"reason": reason(e)})
    except Permanent as e:
        return OUTCOME(failure={"reason": reason(e)})
    except Retry as e:
        millis = math.ceil((e.after or timedelta()) / timedelta(milliseconds=1))
        after_millis = min(millis, MAX_AFTER)
        return OUTCOME(
            failure={"reason": reason(e), "retry": True, "after_millis": after_millis}
        )
    except BaseException as e:
        *_, last = lines = traceback.format_exception(e)
        what = wire.text(last.strip()[:MAX_REASON])
        stack = wire.text("".join(lines)[-MAX_STACK:])
        return OUTCOME(failure={"reason": what, "stack": stack})
    if after == before:
        return OUTCOME(unchanged={})
    after.ClearField("principal")
    return OUTCOME(replace={"events": [after]})


def reason(e: BaseException) -> str:
    return wire.text(str(e)[:MAX_REASON]) or "no reason was given"
