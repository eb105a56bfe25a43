"""Bundles on a station: each in a slot of its own, one of them current, and no power cut that leaves none."""
