"""Policies held against the past: pure functions over a replayed pool, no I/O, no clock."""
