"""Verdicts on a line's candidates: the fixed word list of `considered`."""

from enum import StrEnum


class Verdict(StrEnum):
    """One word per outcome, in the order in which the rule decides.

    The first three are removals; a removed touch weakens no other. The next four lost to stronger evidence, to a
    closer scope, or by the policy's model. A `negligible` touch would have had less than a millionth of the line; a
    `beyond_limit` touch belongs to a party after the greatest MAX_CREDITS.
    """

    WIDER_SCOPE = "wider_scope"
    OUTSIDE_WINDOW = "outside_window"
    SAME_ACCOUNT = "same_account"
    WEAKER_EVIDENCE = "weaker_evidence"
    FARTHER_SCOPE = "farther_scope"
    NOT_LAST = "not_last"
    NOT_FIRST = "not_first"
    NEGLIGIBLE = "negligible"
    BEYOND_LIMIT = "beyond_limit"
    CREDITED = "credited"


# Module names for the inner loops: access to an enum's member is a slow search in Python 3.11.
WIDER_SCOPE = Verdict.WIDER_SCOPE
OUTSIDE_WINDOW = Verdict.OUTSIDE_WINDOW
SAME_ACCOUNT = Verdict.SAME_ACCOUNT
WEAKER_EVIDENCE = Verdict.WEAKER_EVIDENCE
FARTHER_SCOPE = Verdict.FARTHER_SCOPE
NEGLIGIBLE = Verdict.NEGLIGIBLE
BEYOND_LIMIT = Verdict.BEYOND_LIMIT
CREDITED = Verdict.CREDITED
