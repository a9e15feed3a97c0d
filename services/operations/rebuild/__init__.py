"""`koc ledger rebuild`: the books once more, from the topics, by the product's own code in a database of its own."""
