"""Generated worlds: models that never were, whose truth is known to the last download."""
