"""The worker process: its start, its partitions, a chunk's way through it, its metrics."""
