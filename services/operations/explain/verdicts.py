"""Verdicts of attribution in sentences."""

from schemas.verdicts import MEANING


def verdict_sentence(verdict: str) -> str:
    """A verdict in a sentence; a word that is newer than this reader is given as it is."""
    return MEANING.get(verdict, f"the verdict was {verdict}")
