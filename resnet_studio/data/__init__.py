"""Data sets, image decoding, batches and counter-based randomness.

Free of torch when imported: ``describe``, ``layout`` and ``images`` (``to_square`` loads it when called).
"""
