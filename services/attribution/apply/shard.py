"""The state that chunks are applied to."""

from dataclasses import dataclass, field

from services.attribution.apply.ports import Buyers
from services.attribution.apply.waiting import WaitingRoom
from services.attribution.domain.horizons import ALWAYS, Horizons, Watermarks
from services.attribution.domain.policy import Rules


@dataclass(slots=True)
class Shard:
    """The state of one partition number, with the rules and spans that apply to it.

    Attributes:
        log: generation of the input topics.
        publish_from: orders that were paid before are not published (see domain.truncation).
    """

    buyers: Buyers
    room: WaitingRoom
    rules: Rules
    horizons: Horizons
    log: int = 0
    marks: Watermarks = field(default_factory=Watermarks)
    publish_from: int = ALWAYS
