"""Errors, split by what the caller should do about them."""


class Refused(Exception):  # noqa: N818 - it is an outcome of an event, not a failure of ours
    """A bad event: to the dead-letter topic with its reason, and on to the next one.

    Args:
        reason: a word of schemas.reasons.
        detail: one line for a person; never a secret, at most a few hundred characters.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StartRefused(Exception):  # noqa: N818 - the word that the runbook uses
    """The world is not as this process needs it: one clear sentence with the way out, exit status 78 (EX_CONFIG)."""

    exit_code = 78


class HistoryLost(StartRefused):
    """The log no longer holds what the state would have to read next."""


class InvariantBroken(Exception):  # noqa: N818 - the name of the alarm
    """Something that must always hold does not: stop, and let a person look."""

    exit_code = 70
