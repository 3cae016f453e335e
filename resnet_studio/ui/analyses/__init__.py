"""Analyses in the window: what is looked into, the job that looks, and the drawing as a map. Several pages use it."""
