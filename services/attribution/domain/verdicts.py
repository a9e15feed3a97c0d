"""What became of each candidate of a line: the fixed word list of `considered`."""

from enum import StrEnum


class Verdict(StrEnum):
    """One word per outcome, in the order in which the rule decides.

    The first three are removals, and what is removed weakens nobody; then it lost to stronger evidence, to a closer
    scope, or by the policy's model. `negligible` would have had less than a millionth of the line; `beyond_limit` is
    of a party that came after the greatest MAX_CREDITS.
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


# Named once more for the inner loops: an enum member costs a search in Python 3.11.
WIDER_SCOPE = Verdict.WIDER_SCOPE
OUTSIDE_WINDOW = Verdict.OUTSIDE_WINDOW
SAME_ACCOUNT = Verdict.SAME_ACCOUNT
WEAKER_EVIDENCE = Verdict.WEAKER_EVIDENCE
FARTHER_SCOPE = Verdict.FARTHER_SCOPE
NEGLIGIBLE = Verdict.NEGLIGIBLE
BEYOND_LIMIT = Verdict.BEYOND_LIMIT
CREDITED = Verdict.CREDITED
