"""What a consumer or a subscriber did."""

from dataclasses import dataclass, field, replace


@dataclass
class Counts:
    """Counted since the consumer or subscriber was made."""

    # Deliveries that passed every check.
    opened: int = 0
    # Deliveries that were left unacknowledged, by the check that they failed. One whose
    # kid is found when the keys are read again is counted in opened too.
    refused: dict[str, int] = field(default_factory=dict[str, int])
    # Events, by how their work ended.
    done: int = 0
    retried: int = 0
    failed: int = 0
    # Of retried: work that raised something else than Retry. A subscriber's too.
    raised: int = 0
    # Deliveries of an event that was done, or held already.
    repeated: int = 0
    # Replies given up: the router could not be reached.
    unsent: int = 0

    def copy(self) -> "Counts":
        return replace(self, refused=dict(self.refused))
