"""Use cases: apply the records of one log to a partition's state and say what follows from it."""
