"""The use cases of settlement."""
