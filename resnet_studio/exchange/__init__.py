"""Weights in and out: files of other programs become stored runs, stored runs become files for other programs."""
