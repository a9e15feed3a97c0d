"""Who earns what from a line: plans, relations, prices."""
