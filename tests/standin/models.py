"""The models that the stand-in serves, and how the engine behind each writes."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

__all__ = ["DEDICATED", "MODELS", "Dialect", "Object", "always_auto", "dialect_of", "drops_reasoning", "thinks_aloud"]

Object: TypeAlias = dict[str, Any]

Dialect = Literal["native", "openai", "sglang"]
"""Three engines, three ways to write a reply: see `dialects.py`."""

MODELS: dict[str, str] = {
    "meta-llama/Llama-3.3-70B-Instruct-Turbo": "chat",
    "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo": "chat",
    "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo": "chat",
    "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": "chat",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "chat",
    "deepseek-ai/DeepSeek-V3.1": "chat",
    "deepseek-ai/DeepSeek-R1": "chat",
    "Qwen/Qwen2.5-72B-Instruct-Turbo": "chat",
    "mistralai/Mixtral-8x7B-Instruct-v0.1": "chat",
    "meta-llama/Llama-2-70b-hf": "language",
    "togethercomputer/m2-bert-80M-8k-retrieval": "embedding",
    "BAAI/bge-large-en-v1.5": "embedding",
    "Salesforce/Llama-Rank-V1": "rerank",
    "black-forest-labs/FLUX.1-schnell": "image",
    "cartesia/sonic": "audio",
    "openai/whisper-large-v3": "transcribe",
}
"""The type of each model by its name. Any other name is not found."""

DEDICATED = {"meta-llama/Llama-2-70b-hf"}
"""Listed, and refused: these run on an endpoint of one's own only."""


def dialect_of(model: str, *, tools: bool) -> Dialect:
    if "Llama-4" in model or "DeepSeek-V3" in model:
        return "sglang"
    return "openai" if tools and "Llama-3.1-70B" in model else "native"


def thinks_aloud(model: str) -> bool:
    """Its reasoning stands in the content, in a tag."""
    return "DeepSeek-R1" in model


def drops_reasoning(model: str) -> bool:
    """It leaves `reasoning` out of replies to requests with tools, where others write null."""
    return "Maverick" in model


def always_auto(model: str) -> bool:
    """It takes no forced `tool_choice` and warns."""
    return "DeepSeek-V3" in model
