"""A file a subject: how an address becomes a page."""
