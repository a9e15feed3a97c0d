"""What an operator does when a log or a store is no longer what it was."""
