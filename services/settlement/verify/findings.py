"""What a check finds: a difference between what is stored and what it should be, or a note on unfinished work."""

from typing import NamedTuple


class Difference(NamedTuple):
    """One thing that is not as it should be.

    Args:
        check: which rule is broken, a fixed word.
        where: the row, account or line.
        stored: what the books say.
        derived: what they should say by what they rest on.
    """

    check: str
    where: str
    stored: str
    derived: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.check}: {self.where}: stored {self.stored}, derived {self.derived}"


class Note(NamedTuple):
    """Something unfinished that is no error; `what` is a fixed word."""

    what: str
    detail: str

    def __str__(self) -> str:
        """One line for a person."""
        return f"{self.what}: {self.detail}"
