"""The tests whose recordings are this repository's own. `make record` records them from the stand-in of Together AI in
tests/standin, which runs on this machine; everything else plays them.

They need Acetate's own plugin, which is off where its own tests run: `pytest -p acetate tests/recorded` has it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import together as together_sdk

from tests.recorded.place import LABEL, PORT, REPOSITORY, URL
from tests.standin.server import KEY, Standin


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if config.pluginmanager.has_plugin("acetate") else True


@pytest.fixture(scope="module")
def vcr_cassette_dir(request: pytest.FixtureRequest) -> str:
    """`cassettes/chat` for `test_chat.py`, `cassettes/companion/chat` for `companion/test_chat.py`."""
    module = request.path.relative_to(Path(__file__).parent)
    return str(REPOSITORY / "cassettes" / module.parent / module.stem.removeprefix("test_"))


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """`rate-limit` for `test_rate_limit`."""
    return str(request.node.name).removeprefix("test_").replace("_", "-")


@pytest.fixture(autouse=True)
def script(record_mode: str) -> Iterator[Callable[..., None]]:
    """Tells the stand-in what to answer from now on; what is played says so already. Each test has a stand-in of its
    own, so that none of its answers depend on other tests."""
    if record_mode == "none":
        yield lambda **changes: None
        return
    with Standin(PORT) as standin:

        def script(*, headers: dict[str, str] | None = None, **changes: Any) -> None:
            standin.script(headers=LABEL | (headers or {}), **changes)

        script()
        yield script


NO_CERTIFICATES: Any = {"verify": False}
"""There is nothing to check on this machine, and reading them takes longer than most of these tests."""


@pytest.fixture
def together() -> Iterator[together_sdk.Together]:
    http = together_sdk.DefaultHttpxClient(**NO_CERTIFICATES)
    with together_sdk.Together(base_url=URL, api_key=KEY, max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def async_together() -> AsyncIterator[together_sdk.AsyncTogether]:
    http = together_sdk.DefaultAsyncHttpxClient(**NO_CERTIFICATES)
    async with together_sdk.AsyncTogether(base_url=URL, api_key=KEY, max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
def sdk() -> Iterator[openai.OpenAI]:
    """OpenAI's, which many take for other providers."""
    http = openai.DefaultHttpxClient(**NO_CERTIFICATES)
    with openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, http_client=http) as client:
        yield client


@pytest.fixture
async def async_sdk() -> AsyncIterator[openai.AsyncOpenAI]:
    http = openai.DefaultAsyncHttpxClient(**NO_CERTIFICATES)
    async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0, http_client=http) as client:
        yield client
