"""What was done, so that it is not done again."""

from collections import OrderedDict

# (source, id): the only replay key.
Name = tuple[str, str]

# Bytes of all results that are remembered; beyond it the oldest events keep their
# place and lose their result.
MAX_RESULTS = 16 << 20


class Memory:
    """The last size events that were done, with their results as JSON."""

    def __init__(self, size: int) -> None:
        self.size, self.bytes = size, 0
        self.done: OrderedDict[Name, None] = OrderedDict()
        self.results: OrderedDict[Name, str] = OrderedDict()

    def __contains__(self, name: Name) -> bool:
        return name in self.done

    def result(self, name: Name) -> str | None:
        return self.results.get(name)

    def remember(self, name: Name, result: str | None) -> None:
        """Note that name, which is not remembered yet, was done."""
        self.done[name] = None
        if result is not None:
            self.results[name] = result
            self.bytes += len(result)
        if len(self.done) > self.size:
            self.forget_result(self.done.popitem(last=False)[0])
        while self.bytes > MAX_RESULTS:
            self.forget_result(next(iter(self.results)))

    def forget_result(self, name: Name) -> None:
        self.bytes -= len(self.results.pop(name, ""))
