"""Where images come from: the registry of data sets and one module a kind."""
