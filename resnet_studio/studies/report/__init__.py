"""A study as one HTML file that opens without a network."""
