"""Wait, by offsets, until what was published has reached the ledger topic."""
