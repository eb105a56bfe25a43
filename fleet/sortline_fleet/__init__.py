"""From one workstation to many stations."""
