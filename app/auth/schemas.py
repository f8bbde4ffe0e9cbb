"""What the accounts' routes take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.auth.passwords import LONGEST, SHORTEST
from app.models import ApiToken, Role, User

__all__ = [
    "AccessToken",
    "CiTokenIn",
    "CiTokenMade",
    "CiTokenOut",
    "NewPassword",
    "PasswordChange",
    "UserChange",
    "UserIn",
    "UserMade",
    "UserOut",
]

Username = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$", examples=["mara"])]
Password = Annotated[str, Field(min_length=SHORTEST, max_length=LONGEST)]
Handle = Annotated[str, Field(min_length=1, max_length=200)]
Handles = Annotated[
    list[Handle], Field(max_length=20, description="Names by which CI knows this person as an author of commits")
]
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccessToken(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds", examples=[43200])


class UserOut(BaseModel):
    id: UUID
    username: str
    role: Role
    handles: list[str]
    disabled_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> UserOut:
        return cls.model_validate(user, from_attributes=True)


class UserIn(Closed):
    username: Username
    role: Role = Role.VIEWER
    handles: Handles = []
    password: Password | None = Field(default=None, description="Made up when absent")


class UserMade(BaseModel):
    user: UserOut
    password: str = Field(description="Shown this once")


class UserChange(Closed):
    """What is absent stays."""

    role: Role | None = None
    handles: Handles | None = None
    disabled: bool | None = None


class NewPassword(BaseModel):
    password: str = Field(description="Shown this once")


class PasswordChange(Closed):
    current: Annotated[str, Field(max_length=LONGEST)]
    new: Password


class CiTokenIn(Closed):
    project: Name
    name: Annotated[Name, Field(description="What it is for", examples=["GitHub Actions"])]


class CiTokenOut(BaseModel):
    id: UUID
    project: str
    name: str
    prefix: str = Field(description="How the secret begins")
    created_at: datetime
    last_used_at: datetime | None = Field(description="To within five minutes")
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> CiTokenOut:
        return cls.model_validate(token, from_attributes=True)


class CiTokenMade(BaseModel):
    token: CiTokenOut
    secret: str = Field(description="Shown this once")
