"""A run from the command line: wait until the books know what happened, plan, apply, and say what came of it."""
