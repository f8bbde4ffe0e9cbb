"""Other people's recordings laid out as a project, in which the command is run as a user would."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from acetate.cassette import Cassette
from acetate.cli.main import main
from acetate.exchange import Exchange

Edit = Callable[[Exchange], Exchange]


@dataclass(frozen=True)
class Folder:
    """A project and what is done in it. `name` is always that of a cassette, below `cassettes/`."""

    root: Path

    def acetate(self, *words: str) -> tuple[int, str]:
        """The exit code of a command, and what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(["--root", str(self.root), *words])
        return code, printed.getvalue()

    def approve(self) -> None:
        """The baseline: everything that is there is accepted."""
        code, said = self.acetate("accept", "--all")
        assert code == 0, said

    def changes(self) -> list[dict[str, Any]]:
        """All changes that `check` sees. Nothing may stand in its way."""
        _, printed = self.acetate("check", "--format", "json")
        report = json.loads(printed)
        assert report["problems"] == []
        found: list[dict[str, Any]] = report["changes"]
        return found

    def kinds(self) -> set[tuple[str, str]]:
        """Kind and path of every change; `value-changed` is left out: what may vary says only that it did."""
        return {(each["kind"], each["path"]) for each in self.changes() if each["kind"] != "value-changed"}

    def cassette(self, name: str) -> Path:
        return self.root / "cassettes" / f"{name}.yaml"

    def put(self, recording: Path, name: str) -> None:
        """A recording under a cassette's name, instead of what is there; another recorder's through `import`."""
        target = self.cassette(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if recording.suffix == ".yaml":
            target.write_bytes(recording.read_bytes())
            return
        code, said = self.acetate("import", str(recording), "--into", "incoming")
        assert code == 0, said
        (self.root / "incoming" / f"{recording.stem}.yaml").rename(target)

    def exchanges(self, name: str) -> list[Exchange]:
        return Cassette.load(self.cassette(name), self.root).exchanges

    def edit(self, name: str, edit: Edit) -> None:
        """Write a cassette anew, each exchange edited; as vcrpy's serializer for JSON would write it."""
        interactions = [_interaction(edit(each)) for each in self.exchanges(name)]
        self.cassette(name).write_text(json.dumps({"interactions": interactions, "version": 1}))

    def names(self) -> list[str]:
        """All cassettes."""
        top = self.root / "cassettes"
        return sorted(path.relative_to(top).with_suffix("").as_posix() for path in top.rglob("*.yaml"))

    def approved(self) -> dict[str, bytes]:
        """Every file that is committed, but the log of decisions."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and not {".acetate", ".git", ".reviews"} & set(path.parts)
        }

    def decisions(self) -> list[dict[str, Any]]:
        """The log, oldest first."""
        files = (self.root / "contracts/.reviews").glob("*.json")
        return sorted((json.loads(file.read_text()) for file in files), key=lambda each: str(each["at"]))


def _interaction(exchange: Exchange) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    return {
        "request": {
            "method": request.method,
            "uri": request.uri,
            "headers": [list(pair) for pair in request.headers],
            "body": request.body.decode(),
        },
        "response": {
            "status": {"code": response.status, "message": response.reason},
            "headers": [list(pair) for pair in response.headers],
            "body": {"string": response.body.decode()},
        },
    }


@pytest.fixture
def bodies() -> Callable[[Callable[[Any], Any]], Edit]:
    """Makes an edit of exchanges out of one of JSON bodies; of a stream, out of that of each event."""

    def of_bodies(edit: Callable[[Any], Any], **layout: Any) -> Edit:
        def edited(exchange: Exchange) -> Exchange:
            lines = exchange.response.body.decode().splitlines(keepends=True)
            if any(line.startswith("data:") for line in lines):
                text = "".join(_event(line, edit) for line in lines)
            else:
                text = json.dumps(edit(json.loads("".join(lines))), **layout)
            return replace(exchange, response=replace(exchange.response, body=text.encode()))

        return edited

    return of_bodies


def _event(line: str, edit: Callable[[Any], Any]) -> str:
    if not line.startswith("data:") or "[DONE]" in line:
        return line
    end = line[len(line.rstrip("\r\n")) :]
    return f"data: {json.dumps(edit(json.loads(line.removeprefix('data:'))))}{end}"


@pytest.fixture(scope="session")
def together(real_cassettes: Path) -> Path:
    """The recordings of Together AI."""
    return real_cassettes / "together"


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the approved project is kept, so that it is approved once."""
    return tmp_path_factory.mktemp("kept") / "whole"


@pytest.fixture
def whole(together: Path, kept: Path, tmp_path: Path) -> Folder:
    """All of them as one approved project, in a copy of one's own."""
    if not kept.exists():
        made = Folder(tmp_path / "made")
        (made.root / "cassettes").mkdir(parents=True)
        for recording in sorted([*together.rglob("*.yaml"), *together.rglob("*.har")]):
            made.put(recording, f"{recording.parent.name}/{recording.stem}")
        made.approve()
        made.root.rename(kept)
    shutil.copytree(kept, tmp_path / "whole")
    return Folder(tmp_path / "whole")


@pytest.fixture
def alone(tmp_path: Path) -> Folder:
    """A project in which nothing is yet."""
    (tmp_path / "alone" / "cassettes").mkdir(parents=True)
    return Folder(tmp_path / "alone")
