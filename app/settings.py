"""What the service is told from outside: variables that begin with `ACETATE_`, listed in docs/service.md."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

import limits
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["PREFIX", "Settings", "unknown_variables", "with_secret_key"]

PREFIX: Final = "ACETATE_"
SHORTEST_KEY: Final = 32
TOOLKIT_VARIABLES: Final = frozenset({"ACETATE_TOKEN", "ACETATE_SERVICE"})
"""Read by the `acetate` command, which may run in the same shell."""


class Settings(BaseSettings):
    """Immutable once read. A setting that cannot work is refused at start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: str = Field(
        default="sqlite:///.acetate/service/service.db",
        description="`sqlite:///path` (a file) or `postgresql://user:password@host/name`",
    )
    database_connections: int = Field(
        default=20, ge=2, le=500, description="At most so many connections of one process to PostgreSQL"
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs tokens and sessions: 32 characters or more, the same in every replica. "
        "Unset with SQLite, one is made and kept beside the database; PostgreSQL needs it",
    )
    public_url: str = Field(
        default="http://127.0.0.1:8400",
        description="Where people reach the service, for links; https makes cookies Secure",
    )
    max_body_bytes: int = Field(default=1 << 20, ge=1024, description="The largest request body")
    max_push_bytes: int = Field(default=64 << 20, ge=1024, description="The largest body of a pushed run")
    token_minutes: int = Field(default=12 * 60, ge=1, le=30 * 24 * 60, description="How long a sign-in lasts")
    login_attempts: int = Field(
        default=10, ge=1, description="Failed sign-ins of one user from one address within the window before 429"
    )
    login_window_seconds: int = Field(default=300, ge=1, description="The window of `login_attempts`")
    password_memory_kib: int = Field(default=65536, ge=8, description="Memory of one argon2 password hash")
    password_rounds: int = Field(default=3, ge=1, description="Passes of one argon2 password hash")
    allow_self_review: bool = Field(default=False, description="Whether the author of a change may decide it")
    metrics_public: bool = Field(default=False, description="Whether `/metrics` answers everybody")
    forwarded_allow_ips: str = Field(
        default="127.0.0.1", description="Proxies whose `X-Forwarded-For` and `-Proto` are believed, comma-separated"
    )
    log_level: str = Field(default="info", pattern="^(debug|info|warning|error)$", description="Down to which level")
    otlp_endpoint: str | None = Field(
        default=None,
        description="Where traces go (OTLP over HTTP, `http://collector:4318/v1/traces`); unset: none",
    )
    github_token: SecretStr | None = Field(default=None, description="Posts commit statuses when set")
    github_api_url: str = Field(default="https://api.github.com", description="For GitHub Enterprise")
    together_base_url: str = Field(default="https://api.together.xyz", description="The companion's model provider")
    together_api_key: SecretStr | None = Field(default=None, description="The companion's key there")
    together_silence_seconds: float = Field(default=30.0, gt=0, description="How long the provider may say nothing")
    together_deadline_seconds: float = Field(
        default=90.0, gt=0, description="How long one call to the provider may take, with all its attempts"
    )
    together_first_wait_seconds: float = Field(
        default=0.5, ge=0, description="Before the second of three attempts; the next wait is twice as long"
    )
    companion_model: str = Field(
        default="meta-llama/Llama-3.3-70B-Instruct-Turbo", description="Of companions that name no other"
    )
    companion_embedding_model: str = Field(
        default="BAAI/bge-large-en-v1.5", description="Finds memories; another one begins with an empty memory"
    )
    companion_turn_seconds: float = Field(
        default=120.0, gt=0, description="How long a reply may take, with its memory and its tools"
    )
    companion_prompt_tokens: int = Field(default=8000, ge=100, description="About the longest prompt, in tokens")
    companion_recall_seconds: float = Field(default=5.0, gt=0, description="How long a reply waits for its memories")
    companion_recall_threshold: float = Field(
        default=0.6, ge=-1, le=1, description="How near (cosine) a memory has to be to be recalled"
    )
    companion_heartbeat_seconds: float = Field(default=20.0, gt=0, description="Between two pings of a WebSocket")
    companion_chats: str = Field(
        default="30/minute", description="How many messages a user may send: `30/minute`, `500/hour`"
    )
    companion_requests: str = Field(
        default="300/minute", description="How often a user may call each of the companion's other routes"
    )
    companion_blocked_words: str = Field(
        default="", description="Words that companions avoid and that are masked, comma-separated"
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        try:
            url = make_url(value)
        except ArgumentError:
            raise ValueError("not a database URL") from None
        if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: sqlite:///path/to/service.db")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise ValueError("neither sqlite:/// nor postgresql://")
        return value

    @field_validator("companion_chats", "companion_requests")
    @classmethod
    def _rate(cls, value: str) -> str:
        limits.parse(value)
        return value

    @field_validator("public_url", "github_api_url", "together_base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("not an http(s) URL")
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"shorter than {SHORTEST_KEY} characters")
        return value

    @property
    def sqlite_file(self) -> Path | None:
        url = make_url(self.database_url)
        return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None

    @property
    def key(self) -> str:
        """The secret key of settings that went through `with_secret_key`."""
        assert self.secret_key is not None
        return self.secret_key.get_secret_value()

    @property
    def secure(self) -> bool:
        return self.public_url.startswith("https://")


def with_secret_key(settings: Settings) -> Settings:
    """The settings with a key: the configured one, or the one beside the SQLite file, made on first use."""
    if settings.secret_key is not None:
        return settings
    if settings.sqlite_file is None:
        raise ValueError("ACETATE_SECRET_KEY is needed with PostgreSQL: every replica signs with the same")
    key = _kept_key(settings.sqlite_file.with_name("secret_key"))
    return settings.model_copy(update={"secret_key": SecretStr(key)})


def _kept_key(file: Path) -> str:
    """Written under another name first: who reads it never sees half a key, and of two that write it one wins."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = file.read_text().strip()
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{file} holds no key of {SHORTEST_KEY} characters; delete it and everybody signs in again")
    return key


def unknown_variables() -> list[str]:
    """Names in the environment that look like settings and are none: most likely a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | TOOLKIT_VARIABLES
    return sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
