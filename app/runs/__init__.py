"""Runs that arrived from CI jobs and developers, and the news of them."""
