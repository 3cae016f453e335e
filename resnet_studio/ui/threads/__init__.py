"""Work in threads of its own."""
