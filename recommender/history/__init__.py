"""Usage and power from a metric store, reduced as it arrives."""
