"""All that is SQLite's alone: connections, locks, migration of a file, damage."""
