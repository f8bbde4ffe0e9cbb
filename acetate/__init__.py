"""Contract testing for backends that stand on LLM APIs."""

__version__ = "0.1.0"
