from dataclasses import dataclass

from headgate.plugin import Event, transform


@dataclass
class Config:
    mark: str = "!"


@transform("shout", "1.0.0", Config)
def shout(event: Event, config: Config) -> None:
    """Says the text of an event louder."""
    event.json["text"] = event.json["text"].upper() + config.mark
