"""The five pages of the window. Each receives its collaborators; none builds them."""
