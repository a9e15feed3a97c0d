"""The policy file at hand, in the words of an explanation."""

from services.attribution.policy.file import read_policy_file
from services.operations.explain.inquiry import Rulebook


def read_rulebook() -> Rulebook:
    """What the policy file says."""
    file = read_policy_file()
    timetables = [file.rules.everywhere, *file.rules.platforms.values()]
    models = {policy.name: policy.model for timetable in timetables for _, policy in timetable}
    return Rulebook(file.rules.revision, models, file.horizons.candidate_window)
