from acetate.standalone import use_cassette as use_cassette

__version__: str
__all__ = ["__version__", "use_cassette"]
