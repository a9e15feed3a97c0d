"""The settlement store: tables, transactions, snapshots, and the book in memory beside the real one."""
