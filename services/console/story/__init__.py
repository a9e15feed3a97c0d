"""An order's story as values that a page shows: who gets what, the touches, the split, the clock, the entries."""
