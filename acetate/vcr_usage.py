"""How the tests of a project use vcrpy, read from their source: the options that they give it, and what they name."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

__all__ = ["HOOKS", "OPTIONS", "UNWRITTEN", "Option", "Usage", "nearest_option", "read_usage"]

OPTIONS: Final = frozenset(
    {
        *("additional_matchers", "after_load_interaction", "allow_playback_repeats", "before_record"),
        *("before_record_request", "before_record_response", "before_save_interaction", "cassette_library_dir"),
        *("custom_patches", "decode_compressed_response", "drop_unused_requests", "filter_headers"),
        *("filter_nested_post_data_parameters", "filter_post_data_parameters", "filter_query_parameters"),
        *("filter_sensitive_data", "func_path_generator", "ignore_hosts", "ignore_localhost", "inject_cassette"),
        *("match_on", "path", "path_transformer", "persister", "record_mode", "record_on_exception", "serializer"),
        *("skip_patchers", "with_current_defaults"),
        "allowed_hosts",  # of pytest-recording
    }
)
"""What vcrpy and pytest-recording know. vcrpy drops every other keyword without a word."""

HOOKS: Final = frozenset(
    {
        *("additional_matchers", "after_load_interaction", "before_record", "before_record_request"),
        *("before_record_response", "before_save_interaction", "custom_patches", "persister", "serializer"),
    }
)
"""Options that are code of the project's own."""

UNWRITTEN: Final = object()
"""The value of an option that is not written out where it is given."""


@dataclass(frozen=True, slots=True)
class Option:
    """A keyword given to vcrpy, its value if it is written out, and where (`tests/conftest.py:12`)."""

    name: str
    value: object
    where: str


@dataclass(slots=True)
class Usage:
    """One source file: the options, the functions that it defines, its short texts (names of cassettes are among
    them), and whether its classes inherit from others, whose tests are then theirs."""

    options: list[Option] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    texts: set[str] = field(default_factory=set)
    inherits: bool = False


def read_usage(source: bytes, where: str) -> Usage | None:
    """What one Python file says; None for one that is no Python of this version."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    usage = Usage()
    knows_vcr = b"vcr" in source
    dicts = _dicts(module)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            usage.functions.add(node.name)
            if node.name == "vcr_config":
                usage.options += _returned(node, dicts, where)
        elif isinstance(node, ast.ClassDef):
            usage.inherits |= bool(node.bases)
        elif isinstance(node, ast.Call) and knows_vcr and _is_vcr(node.func):
            usage.options += _keywords(node, dicts, where)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 300:
            usage.texts.add(node.value)
    usage.options.sort(key=lambda option: int(option.where.rpartition(":")[2]))
    return usage


def nearest_option(name: str) -> str | None:
    """The option that was meant."""
    found = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.7)
    return found[0] if found else None


def _is_vcr(function: ast.expr) -> bool:
    """`pytest.mark.vcr`, `vcr.use_cassette`, `my_vcr.use_cassette`, `use_cassette`, `vcr.VCR`, `VCR`."""
    words = ast.unparse(function).split(".")
    return words[-2:] == ["mark", "vcr"] or words[-1] == "VCR" or _is_use_cassette(words)


def _is_use_cassette(words: list[str]) -> bool:
    return words[-1] == "use_cassette" and (len(words) == 1 or "vcr" in words[-2].lower())


def _dicts(module: ast.Module) -> dict[str, ast.expr]:
    """What names stand for at the top of a module."""
    found: dict[str, ast.expr] = {}
    for node in module.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _returned(
    function: ast.FunctionDef | ast.AsyncFunctionDef, dicts: dict[str, ast.expr], where: str
) -> Iterator[Option]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield from _entries(node.value, dicts, where)


def _entries(value: ast.expr, dicts: dict[str, ast.expr], where: str) -> Iterator[Option]:
    """The options in a dictionary that is written out, here or under a name at the top."""
    if isinstance(value, ast.Name):
        known = {name: each for name, each in dicts.items() if name != value.id}
        if value.id in dicts:
            yield from _entries(dicts[value.id], known, where)
    elif isinstance(value, ast.Dict):
        for key, entry in zip(value.keys, value.values, strict=True):
            if key is None:
                yield from _entries(entry, dicts, where)
            elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield Option(key.value, _written(entry), f"{where}:{key.lineno}")
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict":
        yield from _keywords(value, dicts, where)


def _keywords(call: ast.Call, dicts: dict[str, ast.expr], where: str) -> Iterator[Option]:
    for keyword in call.keywords:
        if keyword.arg is None:
            yield from _entries(keyword.value, dicts, where)
        else:
            yield Option(keyword.arg, _written(keyword.value), f"{where}:{keyword.value.lineno}")


def _written(value: ast.expr) -> object:
    """The value of a literal; for `RecordMode.NEW_EPISODES` its last word in small letters."""
    if isinstance(value, ast.Attribute) and value.attr.isupper():
        return value.attr.lower()
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNWRITTEN
