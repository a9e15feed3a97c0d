"""The poster: credits and registry events into the books, exactly once in effect."""
