"""Who earns what from an order and why, and why somebody earns nothing."""
