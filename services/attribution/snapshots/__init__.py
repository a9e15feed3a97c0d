"""Copies of a partition's state in an object store, and the choice where to resume."""
