"""A guide: a Markdown page whose code blocks are run, in order, in one project.

| fence | what happens to it |
|---|---|
| `console` | each `$ command` runs in one shell, and must print what stands below it |
| `toml` | is the project's configuration from there on |
| `python` | runs in the project |
| `yaml`, `sh` | is not run (it needs a CI, the network or make): its verbs and make targets must exist |

In what a command prints, a moment stands for any moment, `...` for the rest of a line, and alone on a line for any
lines. A command must exit as it says: `failed:` and `needs-review:` with 1, `unknown:` and `acetate:` with 2, all else
with 0.

`python tests/docs/guide.py PAGE...` writes what the commands print now into pages that say something else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
GUIDES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
RUN = frozenset({"console", "toml", "python"})
READ = frozenset({"yaml", "sh"})

_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?Z)?")
_MARK = "--- exit "
_GIT = "[user]\nname = Ada Byron\nemail = ada@example.com\n[init]\ndefaultBranch = main\n[core]\nautocrlf = false\n"


@dataclass(frozen=True)
class Block:
    """A fenced block; `start` is where its text begins in the page."""

    language: str
    text: str
    start: int


@dataclass(frozen=True)
class Step:
    """What is run: a line of shell, what the page says it prints, and where that stands in the page."""

    shell: str
    expected: str | None
    start: int
    end: int


@dataclass(frozen=True)
class Ran:
    """What a step printed, and its exit code."""

    printed: str
    code: int


def blocks(page: str) -> list[Block]:
    return [Block(found[1], found[2], found.start(2)) for found in _FENCE.finditer(page)]


def steps(page: str) -> list[Step]:
    """Everything of a page that is run, in order."""
    return [step for block in blocks(page) if block.language in RUN for step in _steps(block)]


def _steps(block: Block) -> Iterator[Step]:
    end = block.start + len(block.text)
    if block.language == "console":
        starts = [found.start() for found in re.finditer(r"^\$ ", block.text, re.MULTILINE)]
        for start, stop in zip(starts, [*starts[1:], len(block.text)], strict=True):
            command, _, expected = block.text[start + 2 : stop].partition("\n")
            after = block.start + start + 2 + len(command) + 1
            yield Step(command, expected, after, block.start + stop)
    elif block.language == "python":
        yield Step(f"python -W error - <<'END'\n{block.text}END", None, block.start, end)
    else:
        file = "pyproject.toml" if "[tool.acetate" in block.text else "acetate.toml"
        yield Step(f"rm -f acetate.toml pyproject.toml; cat > {file} <<'END'\n{block.text}END", None, block.start, end)


def run(page: str, folder: Path) -> list[Ran]:
    """Run the steps of a page in a new project below `folder`, which has the chats among the cassettes of this
    repository and a HAR file, and nothing approved."""
    project = _project(folder)
    script = folder / "script.sh"
    lines = [f"{{ {step.shell}\n}} 2>&1; code=$?; echo; echo '{_MARK}'$code; (exit $code)\n" for step in steps(page)]
    script.write_text("".join(lines), encoding="utf-8")
    done = subprocess.run(
        ["sh", str(script)],
        cwd=project,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
        timeout=300,
    )
    parts = re.split(rf"^{_MARK}(\d+)\n", done.stdout.decode(), flags=re.MULTILINE)
    return [Ran(text.removesuffix("\n"), int(code)) for text, code in zip(parts[:-1:2], parts[1::2], strict=True)]


def _project(folder: Path) -> Path:
    project = folder / "shop"
    shutil.copytree(REPOSITORY / "cassettes" / "chat", project / "cassettes" / "chat")
    (project / "session.har").write_text(_har(), encoding="utf-8")
    (folder / "gitconfig").write_text(_GIT)
    return project


def _har() -> str:
    """What a browser would save of one call."""
    ask = {
        "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "messages": [{"role": "user", "content": "Say goodbye."}],
    }
    answer = {"id": "goodbye", "object": "chat.completion", "created": 1767225600, "model": ask["model"]}
    message = {"role": "assistant", "content": "Goodbye!", "tool_calls": []}
    choice = {"finish_reason": "stop", "seed": 1, "logprobs": None, "index": 0, "message": message}
    usage = {"prompt_tokens": 15, "completion_tokens": 3, "total_tokens": 18}
    answer |= {"prompt": [], "choices": [choice], "usage": usage}
    json_type = "application/json"
    request = {
        "method": "POST",
        "url": "https://api.together.ai/v1/chat/completions",
        "headers": [{"name": "Content-Type", "value": json_type}],
        "postData": {"mimeType": json_type, "text": json.dumps(ask)},
    }
    response = {
        "status": 200,
        "statusText": "OK",
        "headers": [{"name": "Content-Type", "value": json_type}],
        "content": {"mimeType": json_type, "text": json.dumps(answer)},
    }
    entry = {"startedDateTime": "2026-01-01T00:00:00.000Z", "time": 1, "request": request, "response": response}
    return json.dumps({"log": {"version": "1.2", "entries": [entry]}})


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "PYTEST_ADDOPTS": "-p no:asyncio",  # it warns where a project has not chosen how long its loops live
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "GIT_CONFIG_SYSTEM": os.devnull,
    }


def agrees(expected: str, printed: str) -> bool:
    """True if the page says what was printed. Space at the end of lines and of the text does not count."""
    lines = [_pattern(line.rstrip()) for line in expected.rstrip().split("\n")]
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else f"{line}\n" for line in lines)
    text = "\n".join(line.rstrip() for line in printed.rstrip().split("\n"))
    return re.fullmatch(pattern, f"{text}\n") is not None


def _pattern(line: str) -> str:
    """The regular expression for one line of a page."""
    texts = (re.escape(text).replace(r"\.\.\.", ".*") for text in _MOMENT.split(line))
    return _MOMENT.pattern.join(texts)


def promised(expected: str) -> int:
    """The exit code that goes with what a command prints."""
    if re.search(r"^(?:unknown|acetate): ", expected, re.MULTILINE):
        return 2
    return 1 if re.search(r"^(?:failed|needs-review): ", expected, re.MULTILINE) else 0


def line_of(page: str, step: Step) -> int:
    return page.count("\n", 0, step.start)


def rewritten(page: str, ran: list[Ran]) -> str:
    """The page with what its commands printed, where it says something else."""
    for step, result in reversed(list(zip(steps(page), ran, strict=True))):
        if step.expected is not None and not agrees(step.expected, result.printed):
            after = "\n" if ("\n" + step.expected).endswith("\n\n") else ""
            printed = "\n".join(line.rstrip() for line in result.printed.rstrip().split("\n"))
            page = f"{page[: step.start]}{printed}\n{after}{page[step.end :]}"
    return page


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as temporary:
            text = Path(name).read_text(encoding="utf-8")
            Path(name).write_text(rewritten(text, run(text, Path(temporary))), encoding="utf-8", newline="\n")
