"""The Lessons page: each lesson a few steps of text, formula and a live experiment."""
