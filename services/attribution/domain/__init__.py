"""The rules of attribution, pure."""
