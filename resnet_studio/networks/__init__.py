"""Torch modules built from a blueprint, their initial weights, their files and their errors on a test set."""
