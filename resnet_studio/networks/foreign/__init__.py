"""Weights that other programs wrote: read as tensors alone, recognised by their structure, renamed to our layers."""
