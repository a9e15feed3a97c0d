"""Whether the books fit the topics that they were read from."""

from services.runtime.database import engine
from services.settlement.posting.start_checks import check_start


def check_positions() -> str:
    """What the poster checks at its start: topic ids against the database, its offsets against the logs."""
    check_start(engine("writer"))
    return "their positions fit the topics"
