"""Ways to take an optimizer step: eager, compiled, as CUDA graphs, and the choice between them."""
