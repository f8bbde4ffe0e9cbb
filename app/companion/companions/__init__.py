"""Personas to talk to."""
