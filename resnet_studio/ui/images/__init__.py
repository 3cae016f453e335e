"""Images that are shown: what a row of them is, and small pictures of them."""
