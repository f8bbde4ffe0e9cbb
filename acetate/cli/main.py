"""The command `acetate`: words in, an exit code out. Each verb's code is imported when it is called, so that `--help`
and `check` start at once."""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import acetate
from acetate.errors import AcetateError

__all__ = ["main", "parser"]

FORMATS = ("text", "json", "junit", "markdown", "github")

_EXITS = """exit codes: 0 passed; 1 a change needs review or failed; 2 could not look
Every verb has its own help: acetate check --help"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the words of a command as all other errors are said."""

    verbs: Mapping[str, argparse.ArgumentParser] = MappingProxyType({})

    def error(self, message: str) -> NoReturn:
        said, advice = self._explained(message)
        self.exit(2, f"acetate: {said}\n  next: {advice}\n")

    def _explained(self, message: str) -> tuple[str, str]:
        """What is wrong, and what to type instead: the nearest verb or option."""
        import difflib

        if verb := re.match(r"argument VERB: invalid choice: '(.*?)'", message):
            near = difflib.get_close_matches(verb[1], self.verbs, n=1)
            return f"there is no verb `{verb[1]}`{_meant(near)}", "acetate --help"
        if words := re.match(r"unrecognized arguments: (\S*)", message):
            word = words[1].partition("=")[0]
            if word == "--root":
                return "`--root` stands before the verb", "acetate --root DIR VERB"
            usage = " ".join(each.format_usage() for each in self.verbs.values())
            near = difflib.get_close_matches(word, re.findall(r"--[a-z-]+", usage), n=1, cutoff=0.75)
            return f"{message}{_meant(near)}", "acetate --help"
        return message, f"{self.prog} --help"


def _meant(near: Sequence[str]) -> str:
    return f"; `{near[0]}` may be meant" if near else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = parser().parse_args(argv)
    module, function = arguments.run
    try:
        code: int = getattr(import_module(f"acetate.cli.{module}"), function)(arguments)
        sys.stdout.flush()
    except AcetateError as error:
        return _failed(error)
    except BrokenPipeError:
        # The reader of a pipe has gone (`acetate log | head`): nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        return _failed(
            AcetateError(
                error.strerror or str(error),
                where=str(error.filename or ""),
                next="look at that path: a file where a folder should be, or the other way round, or who may use it",
            )
        )
    except KeyboardInterrupt:
        return _failed(AcetateError("interrupted", next="run it again: nothing is left half written"))
    return code


def _failed(error: AcetateError) -> int:
    where = f"{error.where}: " if error.where else ""
    print(f"acetate: {where}{error.problem}", file=sys.stderr)
    if error.next:
        print(f"  next: {error.next}", file=sys.stderr)
    return 2


_Verb = Callable[[str, tuple[str, str], str], argparse.ArgumentParser]
"""Adds a verb: its name, the module and function that run it, and what it does."""


def parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    top = _Parser(
        prog="acetate",
        allow_abbrev=False,
        description="Contract testing for backends that stand on LLM APIs: real exchanges recorded once, replayed "
        "offline, and diffed against what a person has approved.",
        epilog=_EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"acetate {acetate.__version__}")
    top.add_argument(
        "--root", type=Path, metavar="DIR", help="the project's folder (default: the nearest configuration)"
    )
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: tuple[str, str], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(
            name, help=text[0].lower() + text[1:].rstrip("."), description=text, allow_abbrev=False
        )
        added.set_defaults(run=run)
        return added

    for group in (_setting_up, _checking, _deciding, _sharing, _looking):
        group(verb)
    top.verbs = verbs.choices
    return top


def _setting_up(verb: _Verb) -> None:
    init = verb("init", ("setup", "init"), "Set a project up: configuration, folders, git files; all with comments.")
    init.add_argument("--workflow", action="store_true", help="write a workflow for GitHub's CI, too")
    adopt = verb(
        "adopt",
        ("adopt", "run"),
        "Look at an existing vcrpy suite: what would change, and how to get there. Nothing is written.",
    )
    adopt.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: the whole project)")
    adopt.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")
    fetch = verb(
        "import",
        ("setup", "import_files"),
        "Make cassettes of other recorders' files: HAR, Polly.JS, parsed_body YAML.",
    )
    fetch.add_argument("files", nargs="+", metavar="FILE", help="the files")
    fetch.add_argument("--into", default="cassettes", metavar="DIR", help="where the cassettes go (default: cassettes)")


def _checking(verb: _Verb) -> None:
    check = verb("check", ("check", "check"), "Examine cassettes against the approved snapshots and contracts.")
    check.add_argument("paths", nargs="*", metavar="PATH", help="cassettes or folders (default: all of the project's)")
    check.add_argument("--against", metavar="REF", help="what the approved files changed since a git commit")
    check.add_argument("--staged", action="store_true", help="what the recordings that wait would change")
    check.add_argument(
        "--service",
        nargs="?",
        const="",
        metavar="URL",
        help="pass on what is approved at the service, too (default: the one of ACETATE_SERVICE or `service_url`)",
    )
    _reporting(check)

    report = verb("report", ("check", "report"), "Merge reports of shards or services into one, and print it.")
    report.add_argument("reports", nargs="+", metavar="REPORT.json", help="reports that `--report json=PATH` wrote")
    _reporting(report)


def _deciding(verb: _Verb) -> None:
    for name, text in (
        ("accept", "Approve changes: edit their snapshots, derive the contracts again, keep the decision."),
        ("reject", "Refuse changes: they fail every run until they are gone; nothing approved is touched."),
    ):
        decide = verb(name, ("decide", name), text)
        decide.add_argument(
            "what",
            nargs="*",
            metavar="FINGERPRINT|PATH",
            help="changes by the start of their fingerprint, or all of a cassette or folder",
        )
        decide.add_argument("--all", action="store_true", help="every undecided change")
        decide.add_argument(
            "--kind", action="append", default=[], metavar="KIND", help="every undecided change of a kind"
        )
        decide.add_argument(
            "--severity",
            action="append",
            default=[],
            choices=("error", "warn", "info"),
            help="every undecided change of a severity",
        )
        decide.add_argument(
            "--against", metavar="REF", help="decide on what the approved files changed since a git commit"
        )
        decide.add_argument(
            "--staged",
            action="store_true",
            help="decide on what the recordings that wait would change (a fingerprint finds these without it)",
        )
        decide.add_argument("--reason", default="", metavar="TEXT", help="why, kept with the decision")
        if name == "accept":
            decide.add_argument(
                "--rebuild", action="store_true", help="derive all contracts again from the approved snapshots"
            )
    undo = verb("undo", ("decide", "undo"), "Take decisions back; files are as before, byte for byte.")
    undo.add_argument(
        "what",
        nargs="*",
        metavar="FINGERPRINT",
        help="decisions by the start of their fingerprint (default: the last command's)",
    )
    undo.add_argument("--reason", default="", metavar="TEXT", help="why, kept with the decision")


def _sharing(verb: _Verb) -> None:
    push = verb(
        "push", ("service", "push"), "Send a run to the service: its report, and masked snapshots of both sides."
    )
    push.add_argument(
        "report", nargs="?", metavar="REPORT.json", help="what `--report json=PATH` wrote (default: examine now)"
    )
    push.add_argument("--against", metavar="REF", help="the run is that of `acetate check --against REF`")
    push.add_argument(
        "--job", metavar="NAME", help="tells the runs of one commit apart (default: the CI job; in a matrix, name it)"
    )
    pull = verb(
        "pull", ("service", "pull"), "Accept here what was approved at the service, and note what was rejected."
    )
    pull.add_argument("--in-ci", action="store_true", help="write also where `CI` is set: for a job that commits")
    for each in (push, pull):
        each.add_argument(
            "--service",
            metavar="URL",
            help="where it is (default: ACETATE_SERVICE, or `service_url` of the configuration)",
        )


def _looking(verb: _Verb) -> None:
    show = verb("show", ("look", "show"), "Show a change with both sides, or an exchange (a stream as its events).")
    show.add_argument(
        "what", metavar="FINGERPRINT|CASSETTE#N", help="a change, or the n-th exchange of a cassette (from 0)"
    )
    show.add_argument("--against", metavar="REF", help="a change in what the approved files changed since a git commit")
    explain = verb("explain", ("look", "explain"), "Explain a kind of change: what it means and who can break.")
    explain.add_argument("kind", nargs="?", metavar="KIND", help="a kind of change (default: list them all)")
    log = verb("log", ("look", "log"), "Show the decisions: who, when, why.")
    log.add_argument("what", nargs="?", metavar="PATH|FINGERPRINT", help="of one file or one change (default: all)")
    status = verb(
        "status",
        ("look", "status"),
        "Take stock: cassettes by age, source, model, operation, size; orphans and secrets.",
    )
    status.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")

    prune = verb("prune", ("prune", "run"), "List what nothing uses any more; with --yes, take it out.")
    prune.add_argument("paths", nargs="*", metavar="PATH", help="cassettes, snapshots or folders (default: all)")
    prune.add_argument("--yes", action="store_true", help="take it out; git brings it back")
    prune.add_argument("--format", choices=("text", "json"), default="text", help="how to print it (default: text)")


def _reporting(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--format", choices=FORMATS, default="text", help="how to print the verdict (default: text)")
    verb.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=PATH",
        help="write the verdict to a file as well; repeatable",
    )
