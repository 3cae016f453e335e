"""The Inside page: networks looked into, side by side."""
