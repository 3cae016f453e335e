"""Lessons: a row each, of text, formulas and experiments; what an experiment means follows from its values."""
