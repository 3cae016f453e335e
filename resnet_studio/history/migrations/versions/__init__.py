"""One module per schema; the name starts with v and the revision."""
