"""What the edges read and the core computes on: plain data, no I/O."""
