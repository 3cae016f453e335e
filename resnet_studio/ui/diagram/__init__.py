"""The drawing of a network, plain beside residual."""
