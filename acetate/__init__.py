"""Contract testing for backends that stand on LLM APIs."""

from importlib import import_module

__version__ = "0.1.0"
__all__ = ["__version__", "use_cassette"]


def __getattr__(name: str) -> object:
    """`use_cassette` on demand: it brings vcrpy along, which a command does without."""
    if name == "use_cassette":
        return import_module("acetate.standalone").use_cassette
    raise AttributeError(f"module `acetate` has no attribute `{name}`")
