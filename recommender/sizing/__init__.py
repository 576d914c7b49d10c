"""From usage and price to requests: pure functions on arrays."""
