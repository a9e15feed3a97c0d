"""Months of the books: closed under a seal, reopened by two people, and looked at."""
