"""The Evaluate part of the Compare page: test protocols, ensembles, confusion matrices."""
