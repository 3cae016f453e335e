"""Objects that live in a worker thread and the relays that bring their news to the GUI thread."""
