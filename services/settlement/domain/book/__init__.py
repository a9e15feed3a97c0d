"""The book's own words: chart of accounts, entries, currencies, periods."""
