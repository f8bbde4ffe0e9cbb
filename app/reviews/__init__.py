"""Decisions on the changes of runs, and their history."""
