"""Policies as a file, and as compiled tables."""
