"""What has been run, for ever: SQLAlchemy lives here and only here. Records come out, rows never."""
