"""The station's verbs, one module each."""
