"""Why an order earned whom what, and why somebody earned nothing."""
