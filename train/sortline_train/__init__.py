"""From class folders of photographs to a trained run. Runs on the workstation."""
