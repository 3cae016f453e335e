"""The cohort loop and what it needs: step engines, precision, devices, checkpoints."""
