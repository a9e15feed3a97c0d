"""Verdicts of attribution in sentences."""

from schemas.verdicts import MEANING
from services.kernel.sentences import Sentence


def verdict_sentence(verdict: str) -> str:
    """A verdict in a sentence; a word that is newer than this reader is given as it is."""
    if verdict in MEANING:
        return Sentence(MEANING[verdict])
    return Sentence("the verdict was {verdict}", verdict=verdict)
