"""The public contract: what goes in and what comes out, importable alone (pydantic only). Start at topics.py."""
