"""Figures of analyses, drawn on paper and in the window."""
