"""The policy file, and its tables as models."""
