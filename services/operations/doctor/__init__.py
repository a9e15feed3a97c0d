"""Check everything that a start checks, and name the remedy."""
