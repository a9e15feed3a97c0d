"""The rules of attribution, pure: what is accepted, what an order line has become, and who is credited for it."""
