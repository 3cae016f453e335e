"""A history in a PostgreSQL database that several machines share. Nothing outside knows psycopg."""
