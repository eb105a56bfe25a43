"""Whose word counts: keys, signatures, keyrings, channels, and the verdict. Pure, but for `keyfiles` and commands."""
