"""What the recorded tests ask, and whom."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BERT",
    "DEEPSEEK",
    "ENGINES",
    "FLUX",
    "LLAMA",
    "LLAMA_TOOLS",
    "MAVERICK",
    "NOT_SERVED",
    "R1",
    "RANK",
    "SONIC",
    "TOOLS",
    "WHISPER",
    "said",
]

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
LLAMA_TOOLS = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo"
MAVERICK = "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8"
DEEPSEEK = "deepseek-ai/DeepSeek-V3.1"
R1 = "deepseek-ai/DeepSeek-R1"
BERT = "togethercomputer/m2-bert-80M-8k-retrieval"
RANK = "Salesforce/Llama-Rank-V1"
FLUX = "black-forest-labs/FLUX.1-schnell"
SONIC = "cartesia/sonic"
WHISPER = "openai/whisper-large-v3"

ENGINES = {"native": LLAMA, "openai": LLAMA_TOOLS, "sglang": DEEPSEEK, "maverick": MAVERICK, "thinking": R1}
"""A model for each way in which replies, streams and tool calls are written."""

NOT_SERVED = {"unknown": "nobody/knows-it", "dedicated": "meta-llama/Llama-2-70b-hf"}

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def said(words: str) -> list[Any]:
    """The messages of a conversation that begins so."""
    return [{"role": "user", "content": words}]
