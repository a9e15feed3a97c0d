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


class PlaceTaken(StartRefused):
    """Another process goes by this one's name: one of the two is too many, and starting this one again helps nobody."""

    def __init__(self, instance_id: str) -> None:
        super().__init__(
            f"another process has joined the group under the instance id {instance_id}, so this one stops and leaves "
            f"the work to it: end one of the two, or give each its own KOC_INSTANCE_ID and KOC_STATE_DIR"
        )


class InputRefused(Exception):  # noqa: N818 - it is what the caller was given, not a failure of ours
    """What a command was given to read is not what it takes: one sentence, exit status 65 (EX_DATAERR)."""

    exit_code = 65


class InvariantBroken(Exception):  # noqa: N818 - the name of the alarm
    """Something that must always hold does not: stop, and let a person look.

    Args:
        sentence: what does not hold.
        invariant: what koc_invariant_violations_total counts it as; a value of that label.
    """

    exit_code = 70

    def __init__(self, sentence: str, invariant: str = "other") -> None:
        super().__init__(sentence)
        self.invariant = invariant


class Stalled(Exception):  # noqa: N818 - what the process is
    """Work waits and nothing moves: the process ends, and its supervisor starts it again; status 75 (EX_TEMPFAIL)."""

    exit_code = 75
