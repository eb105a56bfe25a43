"""From a trained run to a proven int8 bundle. Runs on the workstation."""
