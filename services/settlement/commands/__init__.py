"""Decisions that are no events: each a recorded command of a person."""
