"""Dependencies by which a route says who may use it.

`person: CurrentPerson` is anybody who signed in, `person: Reviewer` one whose role is enough, `job: CurrentJob` a CI
job with the token of its project, `caller: Caller` either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, OAuth2PasswordBearer
from starlette.requests import Request

from app.auth import service
from app.auth.person import CiJob, Person
from app.errors import Forbidden, Unauthorized
from app.models import Role
from app.state import AppDatabase, AppSettings

__all__ = [
    "Admin",
    "Caller",
    "CurrentJob",
    "CurrentPerson",
    "Developer",
    "Reviewer",
    "address_of",
    "require",
]

password_flow = OAuth2PasswordBearer(tokenUrl="/token", scheme_name="password", auto_error=False)
ci_bearer = HTTPBearer(
    scheme_name="ci", auto_error=False, description="The secret of a project's CI token, as the bearer token."
)


def ci_secret(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(ci_bearer)]) -> str | None:
    return credentials.credentials if credentials else None


def address_of(request: Request) -> str:
    """Whence a request comes, as far as the server believes its proxies."""
    return request.client.host if request.client else "unknown"


def current_person(
    request: Request,
    settings: AppSettings,
    database: AppDatabase,
    token: Annotated[str | None, Depends(password_flow)],
) -> Person:
    if not token:
        raise Unauthorized()
    with database.read() as session:
        person = service.identify(session, settings, token)
    request.state.user = str(person.id)
    return person


CurrentPerson = Annotated[Person, Depends(current_person)]


def require(role: Role) -> Callable[[Person], Person]:
    """The dependency that lets in whose role is this one or a higher."""

    def allowed(person: CurrentPerson) -> Person:
        if not person.role.includes(role):
            raise Forbidden("role-too-low", f"This takes the role {role}.", needs=role)
        return person

    return allowed


Developer = Annotated[Person, Depends(require(Role.DEVELOPER))]
Reviewer = Annotated[Person, Depends(require(Role.REVIEWER))]
Admin = Annotated[Person, Depends(require(Role.ADMIN))]


def current_job(request: Request, database: AppDatabase, token: Annotated[str | None, Depends(ci_secret)]) -> CiJob:
    if not token:
        raise Unauthorized()
    job = service.identify_ci(database, token)
    request.state.user = f"ci:{job.token}"
    return job


CurrentJob = Annotated[CiJob, Depends(current_job)]


def current_caller(
    request: Request,
    settings: AppSettings,
    database: AppDatabase,
    token: Annotated[str | None, Depends(password_flow)],
    _secret: Annotated[str | None, Depends(ci_secret)],
) -> Person | CiJob:
    """A person or a CI job; what a job may see is its own project's, which the route has to look at."""
    if token and token.startswith(service.SECRET_PREFIX):
        return current_job(request, database, token)
    return current_person(request, settings, database, token)


Caller = Annotated[Person | CiJob, Depends(current_caller)]
