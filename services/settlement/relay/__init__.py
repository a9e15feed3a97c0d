"""The relay: from the journal to the ledger topic."""
