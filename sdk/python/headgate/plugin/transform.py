"""Transforms: functions that change events."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from headgate.plugin.event import Event
from headgate.plugin.kind import Kind
from headgate.plugin.outcome import Permanent

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Needs:
    """Which parts of an event a transform is sent at all."""

    data: bool = True
    extensions: bool = True
    sender: bool = False


class Transform(Kind, Generic[P, R]):
    """A transform, as @transform makes it. Calling it calls the function, for tests."""

    def __init__(
        self,
        function: Callable[P, R],
        name: str,
        version: str,
        config: type | None,
        *,
        needs: Needs,
        redacts: bool,
        batch: bool,
    ) -> None:
        super().__init__(function, name, version, config)
        self.needs = needs
        self.redacts = redacts
        self.batch = batch
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        result: R = self.function(*args, **kwargs)
        return result

    def ends(self, events: list[Event], rest: tuple[Any, ...]) -> list[Any]:
        """Call the function once. For each event: None, or what ended it.

        It raises what the function raises, which is about all of them.
        """
        if not self.batch:
            (event,) = events
            self.function(event, *rest)
            return [None]
        answer = self.function(events, *rest)
        ends = [None] * len(events) if answer is None else list(answer)
        if len(ends) != len(events):
            raise Permanent(f"{len(ends)} answers for {len(events)} events")
        return ends


def transform(
    name: str,
    version: str,
    config: type | None = None,
    *,
    needs: Needs = Needs(),
    redacts: bool = False,
    batch: bool = False,
) -> Callable[[Callable[P, R]], Transform[P, R]]:
    """Make a function a transform. It is called with an event and a config.

    Its docstring's first paragraph describes it to operators. config is a dataclass;
    without one the function gets the event alone. redacts says that it takes out what
    consumers must not see, so the original never travels beside its result. With batch
    it is called with a list of events, and returns None or a list with, for each event,
    None or the exception that ended it. A batch that makes it raise something
    unforeseen is given to it again event by event.
    """

    def decorate(function: Callable[P, R]) -> Transform[P, R]:
        return Transform(
            function, name, version, config, needs=needs, redacts=redacts, batch=batch
        )

    return decorate
