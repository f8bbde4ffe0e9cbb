"""The operations beside chat: each takes a request's values and gives the body of its answer."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

from tests.standin.mint import LAUNCH, Mint
from tests.standin.models import MODELS, Object
from tests.standin.speech import count

__all__ = ["embeddings", "images", "models", "rerank", "speech_audio", "speech_chunks", "transcription"]

DIMENSIONS = 8
"""Real vectors have hundreds; nothing that Acetate looks at depends on how many."""
SAMPLE_RATE = 24_000
SAMPLES = 240


def models() -> list[Object]:
    """A bare array, which is what OpenAI's clients stumble over."""
    pricing = {"hourly": 0, "input": 0.88, "output": 0.88, "base": 0, "finetune": 0}
    return [
        {
            "id": name,
            "object": "model",
            "created": LAUNCH,
            "type": kind,
            "running": False,
            "display_name": name.partition("/")[2].replace("-", " "),
            "organization": name.partition("/")[0],
            "link": None,
            "license": None,
            "context_length": 131072 if kind == "chat" else None,
            "config": {"chat_template": None, "stop": [], "bos_token": None, "eos_token": None},
            "pricing": pricing,
        }
        for name, kind in MODELS.items()
    ]


def embeddings(request: Object) -> Object:
    """Without usage. `base64` gives the vector as little-endian float32, and only on demand."""
    inputs = request["input"] if isinstance(request["input"], list) else [request["input"]]
    packed = request.get("encoding_format") == "base64"
    vectors = [vector(str(text)) for text in inputs]
    data = [
        {"object": "embedding", "index": index, "embedding": pack(numbers) if packed else numbers}
        for index, numbers in enumerate(vectors)
    ]
    return {"object": "list", "model": request["model"], "data": data}


def vector(text: str) -> list[float]:
    mint = Mint(text.encode())
    return [mint.number(f"dimension {index}", 2000) / 1000 - 1 for index in range(DIMENSIONS)]


def pack(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def rerank(request: Object, mint: Mint) -> Object:
    """The best first: a document is as good as it has words of the query."""
    documents = [document_text(document) for document in request["documents"]]
    wanted = set(request["query"].lower().split())
    scores = [len(wanted & set(text.lower().split())) / max(len(wanted), 1) for text in documents]
    order = sorted(range(len(documents)), key=lambda index: (-scores[index], index))[: request.get("top_n")]
    shown = bool(request.get("return_documents"))
    results = [
        {"index": index, "relevance_score": scores[index], "document": {"text": documents[index]} if shown else {}}
        for index in order
    ]
    read = count(request["query"]) + sum(count(text) for text in documents)
    usage = {"prompt_tokens": read, "completion_tokens": 0, "total_tokens": read}
    return {"id": mint.id, "object": "rerank", "model": request["model"], "results": results, "usage": usage}


def document_text(document: Any) -> str:
    return " ".join(str(value) for value in document.values()) if isinstance(document, dict) else str(document)


# --- images -----------------------------------------------------------------------------------------------------------


def images(request: Object, mint: Mint) -> Object:
    """Items have no `type`, whatever the document says, and their time in milliseconds. The id keeps its suffix."""
    plain = request.get("response_format") in ("base64", "b64_json")
    data = [image(mint, index, plain=plain) for index in range(request.get("n") or 1)]
    return {"id": f"{mint.ray}-AMS", "model": request["model"], "object": "list", "data": data}


def image(mint: Mint, index: int, *, plain: bool) -> Object:
    timings = {"inference": 300 + mint.number(f"time {index}", 700)}
    if plain:
        picture = png(mint.digest(f"image {index}")[:3])
        return {"timings": timings, "index": index, "b64_json": base64.b64encode(picture).decode()}
    url = f"https://api.together.ai/imgproxy/{mint.letters(f'image {index}', 24)}.png"
    return {"timings": timings, "index": index, "url": url}


def png(colour: bytes) -> bytes:
    """One pixel of a colour."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0" + colour)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixel) + part(b"IEND", b"")


# --- audio ------------------------------------------------------------------------------------------------------------


def samples(request: Object) -> bytes:
    """A hundredth of a second of noise."""
    mint = Mint(str(request["input"]).encode())
    return b"".join(mint.digest(f"sample {index}")[:2] for index in range(SAMPLES))


def speech_audio(request: Object) -> tuple[str, bytes]:
    """The media type and the sound."""
    sound = samples(request)
    match request.get("response_format", "wav"):
        case "wav":
            return "audio/wav", wav(sound)
        case "mp3":
            return "audio/mpeg", b"ID3\x04\0\0\0\0\0\0" + sound
        case _:
            return "application/octet-stream", sound


def wav(sound: bytes) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(sound), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(sound))
        + sound
    )


def speech_chunks(request: Object) -> list[Object]:
    sound = samples(request)
    third = len(sound) // 3
    return [
        {
            "object": "audio.tts.chunk",
            "model": request["model"],
            "b64": base64.b64encode(sound[at : at + third]).decode(),
        }
        for at in range(0, len(sound), third)
    ]


def transcription(form: dict[str, bytes], task: str) -> Object:
    """What was said in the file: its size, and a word of its own."""
    sound = form["file"]
    text = f"Voilà, {len(sound)} bytes, and they say {Mint(sound).letters('word', 6)}."
    if form.get("response_format") != b"verbose_json":
        return {"text": text}
    seconds = len(sound) / (SAMPLE_RATE * 2)
    segment = {"id": 0, "start": 0.0, "end": seconds, "text": text}
    language = form.get("language", b"en").decode()
    return {"task": task, "language": language, "duration": seconds, "text": text, "segments": [segment]}
