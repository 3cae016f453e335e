"""Data sets, image decoding, batches and counter-based randomness.

Free of torch when imported: ``datasets.describe``, ``datasets.folder_layout``, ``datasets.paths``, ``images`` (whose
``to_square`` loads it when called) and all that decoding processes import.
"""
