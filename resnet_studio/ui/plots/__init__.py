"""Curves on screen and on paper: buffers that grow, thinning to pixels, the plot widget and its export."""
