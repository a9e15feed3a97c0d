"""Who is credited for an order line."""
