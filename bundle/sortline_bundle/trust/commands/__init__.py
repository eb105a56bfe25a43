"""The verbs about trust: thin shells around the pure core."""
