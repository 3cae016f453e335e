"""Weights of other programs in the window: the dialog that imports them, and what exports and fine-tunes."""
