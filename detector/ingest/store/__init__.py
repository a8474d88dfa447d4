"""A private, sorted, crash-safe store of requests: a Delta table."""
