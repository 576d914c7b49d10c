"""Output: the report as table, JSON, YAML, CSV or explanation, and the progress line."""
