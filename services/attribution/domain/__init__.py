"""The pure rules of attribution: which events are accepted, the state of an order line, and who is credited for it."""
