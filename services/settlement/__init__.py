"""What everyone earns from a credited order line, as a ledger."""
