"""Money that is settled: script fees and spend of a content."""
