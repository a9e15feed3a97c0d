"""The web console for finance and support."""
