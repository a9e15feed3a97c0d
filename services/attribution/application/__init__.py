"""The use cases of attribution."""
