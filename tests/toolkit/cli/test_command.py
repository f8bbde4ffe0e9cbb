"""The command itself: its help, its errors, its exit codes, and the streams that it writes to."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import acetate
from acetate import report
from acetate.cli import main as command
from acetate.cli.main import FORMATS, main

VERBS = ("init", "adopt", "check", "accept", "reject", "undo", "show", "explain", "log", "status", "import", "prune")
VERBS += ("report", "push", "pull")
LATER = ("review", "verify", "refresh", "serve", "record", "replay")


def shell(line: str, at: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The real command, as the shell runs it. `acetate` stands for this interpreter's."""
    line = line.replace("acetate ", f"'{sys.executable}' -m acetate ")
    return subprocess.run(
        ["sh", "-c", line],
        cwd=at,
        env={**os.environ, "PYTHONPATH": str(Path(acetate.__file__).parents[1]), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_help_lists_every_verb_and_the_exit_codes(run: Any) -> None:
    done = run("--help")
    assert done.code == 0
    assert all(f"    {verb} " in done.out for verb in VERBS)
    assert "0 passed; 1 a change needs review or failed; 2 could not look" in done.out


@pytest.mark.parametrize("verb", LATER)
def test_a_verb_that_does_not_exist_yet_is_not_offered(run: Any, verb: str) -> None:
    assert f"    {verb} " not in run("--help").out
    done = run(verb)
    assert (done.code, done.next) == (2, "acetate --help")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_its_own_help(run: Any, verb: str) -> None:
    done = run(verb, "--help")
    assert done.code == 0
    assert done.out.startswith(f"usage: acetate {verb} ")


def test_the_version_is_that_of_the_package(run: Any) -> None:
    assert run("--version").out == f"acetate {acetate.__version__}\n"


def test_an_unknown_option_names_the_help_of_its_verb(run: Any) -> None:
    done = run("check", "--nope")
    assert (done.code, done.next) == (2, "acetate --help")
    assert "--nope" in done.err
    assert run("check", "--format", "xml").next == "acetate check --help"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("chek",), "there is no verb `chek`; `check` may be meant\n  next: acetate --help"),
        (("check", "--agains", "main"), "unrecognized arguments: --agains; `--against` may be meant"),
        (("check", "--root", "."), "`--root` stands before the verb\n  next: acetate --root DIR VERB"),
        (("check", "--root=."), "`--root` stands before the verb"),
    ],
)
def test_a_slip_is_told_with_what_may_be_meant(run: Any, words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert (done.code, said in done.err) == (2, True), done.err


def test_an_option_is_not_guessed_from_its_beginning(run: Any) -> None:
    assert run("check", "--form", "json").code == 2


def test_the_formats_of_the_options_are_those_of_the_reports() -> None:
    assert FORMATS == report.FORMATS


def test_the_root_before_the_verb_names_the_project(sandbox: Any, run: Any, tmp_path_factory: Any) -> None:
    sandbox.record("a", sandbox.reply())
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "1 examined" in run("--root", str(sandbox.root), "check").out


def test_a_root_that_is_no_folder_is_said(run: Any) -> None:
    done = run("--root", "nowhere", "check")
    assert done.code == 2
    assert "--root" in done.next


def test_a_broken_configuration_names_the_line_and_the_fix(sandbox: Any, run: Any) -> None:
    (sandbox.root / "acetate.toml").write_text("casettes = []\n")
    done = run("check")
    assert done.code == 2
    assert "acetate.toml" in done.err
    assert "cassettes" in done.next


def test_an_interrupted_command_says_so_and_leaves_no_traceback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "import_module", interrupted)
    done = run("check")
    assert (done.code, done.err.splitlines()[0]) == (2, "acetate: interrupted")


def test_a_folder_in_place_of_an_approved_file_names_the_path(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    snapshot = sandbox.root / "snapshots/cassettes/a.json"
    snapshot.unlink()
    snapshot.mkdir()
    done = run("check")
    assert done.code == 2
    assert str(snapshot) in done.err
    assert done.next


def test_the_module_can_be_run_like_the_command(tmp_path: Path) -> None:
    done = shell("acetate --version", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"acetate {acetate.__version__}\n")


def test_a_reader_that_goes_away_is_no_error(sandbox: Any) -> None:
    sandbox.record("a", *(sandbox.reply() for _ in range(3)))
    sandbox.accept()
    done = shell("acetate explain | true; acetate show 'cassettes/a#0' | head -1", sandbox.root)
    assert done.stderr == ""
    assert done.stdout == "cassettes/a#0  together:chat.completions 200\n"


def test_a_terminal_that_knows_only_ascii_gets_ascii(sandbox: Any) -> None:
    sandbox.record("ü", sandbox.reply())
    done = shell("acetate check && acetate accept --all; acetate status", sandbox.root, PYTHONIOENCODING="ascii")
    assert done.stderr == ""
    assert done.stdout.isascii()
    assert "cassettes/\\xfc" in done.stdout


def test_a_report_for_a_program_is_utf8_whatever_the_terminal_can_show(sandbox: Any) -> None:
    sandbox.record("ü", sandbox.reply())
    done = shell("acetate check --format junit", sandbox.root, PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert done.returncode == 1
    assert "cassettes/ü" in done.stdout


def test_no_color_in_a_pipe_and_none_where_it_is_not_wanted(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.record("a", sandbox.reply())
    assert "\x1b[" not in run("check").out
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in run_on_terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run_on_terminal(monkeypatch)


def run_on_terminal(monkeypatch: pytest.MonkeyPatch) -> str:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        main(["check"])
    return terminal.getvalue()


@pytest.mark.parametrize("words", [("check", "--format", "json"), ("check",), ("status",), ("log",)])
def test_looking_writes_nothing_outside_its_own_folder(sandbox: Any, run: Any, files: Any, words: Any) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    sandbox.record("a", sandbox.reply(usage=None))
    before = files()
    run(*words)
    assert files() == before


@pytest.mark.parametrize(
    "words",
    [
        ("accept", "--all"),
        ("accept", "--rebuild"),
        ("accept", "--all", "--against", "HEAD"),
        ("reject", "--all"),
        ("undo",),
        ("init",),
        ("init", "--workflow"),
        ("import", "x.har"),
    ],
)
@pytest.mark.parametrize("ci", ["1", "true", "yes"])
def test_in_ci_every_verb_that_writes_is_refused(
    sandbox: Any, run: Any, files: Any, monkeypatch: pytest.MonkeyPatch, words: Any, ci: str
) -> None:
    sandbox.record("a", sandbox.reply())
    run("accept", "--all")
    sandbox.record("a", sandbox.reply(usage=None))
    before = files()
    monkeypatch.setenv("CI", ci)
    done = run(*words)
    assert done.code == 2
    assert "CI never does" in done.err
    assert "on your machine" in done.next
    assert files() == before


@pytest.mark.parametrize("ci", ["", "0", "false", "False"])
def test_ci_that_is_switched_off_is_a_developers_machine(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    sandbox.record("a", sandbox.reply())
    assert run("accept", "--all").code == 0


def test_the_script_of_the_package_is_this_command() -> None:
    project = tomllib.loads((Path(acetate.__file__).parents[1] / "pyproject.toml").read_text())
    assert project["project"]["scripts"] == {"acetate": "acetate.cli.main:main"}
