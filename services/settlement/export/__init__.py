"""The ledger for others: digest, JSON, CSV, hledger."""
