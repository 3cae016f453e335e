"""Networks compared: what differs between two or three of them, drawn, described and exported."""
