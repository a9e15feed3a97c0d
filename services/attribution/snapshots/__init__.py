"""Copies of a partition's state in an object store, and where to resume from."""
