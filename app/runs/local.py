"""The run of a project on this machine, received without a token: who starts a service beside a project has both."""

from __future__ import annotations

import os
from pathlib import Path

from acetate.bundle import bundle_json
from acetate.context import context_of
from acetate.examine import examine
from acetate.packing import packed
from acetate.project import Project
from acetate.provide import with_provided
from app.database import Database
from app.models import Run
from app.runs.arrival import Arrival
from app.runs.schemas import BundleIn
from app.runs.service import receive

__all__ = ["receive_local"]


def receive_local(database: Database, root: Path) -> Run:
    """Examine what a project has recorded, as `acetate push` would. Raises AcetateError where it cannot look."""
    project = Project.open(root, os.environ)
    context = context_of(project.config.project, project.root, os.environ)
    verdict = with_provided(examine(project, project.cassettes(), context, complete=True), project)
    bundle, contents = packed(project, verdict, job="local")
    files = {digest: content.decode("utf-8", "surrogatepass") for digest, content in contents.items()}
    run, _ = receive(database, Arrival(BundleIn.model_validate({**bundle_json(bundle), "files": files})))
    return run
