"""The operations beside chat."""

from __future__ import annotations

import base64

import httpx
import pytest

from tests.recorded.models import BERT, FLUX, LLAMA, RANK, SONIC, WHISPER

pytestmark = pytest.mark.vcr

SOUND = ("hello.wav", b"RIFF....WAVE", "audio/wav")


def test_completion(together):
    reply = together.completions.create(model=LLAMA, prompt="Once upon")
    assert reply.choices[0].text.startswith(" and so it goes on")


def test_completion_in_a_stream(together):
    chunks = together.completions.create(model=LLAMA, prompt="Once upon", stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks).startswith(" and so it goes on")


def test_embeddings(together):
    reply = together.embeddings.create(model=BERT, input=["one", "two"])
    one, two = (item.embedding for item in reply.data)
    assert len(one) == len(two) > 0
    assert one != two


def test_embeddings_in_base64(sdk):
    """As OpenAI's SDK always asks for them."""
    reply = sdk.embeddings.create(model=BERT, input="one")
    assert all(isinstance(number, float) for number in reply.data[0].embedding)


def test_rerank(together):
    documents = ["a red fox", "the blue sea", "blue blue sky over the sea"]
    reply = together.rerank.create(model=RANK, query="the blue sky", documents=documents, return_documents=True)
    assert [result.index for result in reply.results] == [2, 1, 0]


def test_models(together):
    """A bare array, which no SDK of today knows."""
    reply = together.get("/v1/models", cast_to=httpx.Response)
    assert LLAMA in [model["id"] for model in reply.json()]


def test_image(together):
    reply = together.images.generate(model=FLUX, prompt="a bird")
    assert reply.data[0].url.startswith("https://")


def test_image_in_base64(together):
    reply = together.images.generate(model=FLUX, prompt="a bird", response_format="base64")
    assert base64.b64decode(reply.data[0].b64_json).startswith(b"\x89PNG")


@pytest.mark.parametrize(("form", "start"), [("wav", b"RIFF"), ("mp3", b"ID3")], ids=["wav", "mp3"])
def test_speech(together, form, start):
    reply = together.audio.speech.create(model=SONIC, input="Hello", voice="friendly", response_format=form)
    assert reply.read().startswith(start)


def test_speech_in_a_stream(together):
    asked = {"model": SONIC, "input": "Hello", "voice": "friendly", "response_format": "raw", "stream": True}
    assert [chunk.object for chunk in together.audio.speech.create(**asked)] == ["audio.tts.chunk"] * 3


def test_transcription(together):
    assert together.audio.transcriptions.create(model=WHISPER, file=SOUND).text.startswith("Voilà, 12 bytes")


def test_transcription_with_times(together):
    reply = together.audio.transcriptions.create(model=WHISPER, file=SOUND, response_format="verbose_json")
    assert reply.segments[0].text == reply.text


def test_translation(together):
    assert together.audio.translations.create(model=WHISPER, file=SOUND).text.startswith("Voilà, 12 bytes")
