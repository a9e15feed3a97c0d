"""An order's story as values that a page shows: who gets what and why, the touches, the split, the clock, the entries."""
