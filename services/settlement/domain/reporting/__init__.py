"""What sales came to, for reports: a line's money over the contents that it is credited to, and sums of it."""
