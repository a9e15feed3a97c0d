"""Check that the books are as they should be."""
