"""Sales reports for pages: computed in a process of their own, kept in memory as of a moment."""
