"""What pages for people look up in the books: small reads by keys, each a page at a time, through the reader role."""
