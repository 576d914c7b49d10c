"""joulefit's node collector."""
