"""How near a run is to the paper, as a line, as a list and in a window of its own."""
