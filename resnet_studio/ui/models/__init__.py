"""Table models over records: tuples of columns, no item widgets."""
