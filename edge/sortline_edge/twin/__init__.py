"""The simulated belt: items, camera, gates and books. It knows the truth that a real belt keeps to itself."""
