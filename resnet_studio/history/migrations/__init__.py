"""Alembic's scripts, run by :mod:`resnet_studio.history.preparing` without an alembic.ini."""
