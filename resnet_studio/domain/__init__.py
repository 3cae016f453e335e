"""Frozen values and pure arithmetic. Everything above speaks in these words; nothing here knows torch, Qt or SQL."""
