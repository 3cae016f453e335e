"""Alembic's scripts, run by :mod:`resnet_studio.history.sqlite.migrate` without an alembic.ini."""
