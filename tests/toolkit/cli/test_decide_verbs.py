"""accept, reject, undo: which changes are meant, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from acetate.cli import decide


def waiting(sandbox: Any) -> list[str]:
    """The kinds of the changes that wait, in order."""
    return sorted(each.kind for each in sandbox.check().changes if each.decision is None)


def prefix(sandbox: Any, kind: str, length: int = 8) -> str:
    return next(each.fingerprint for each in sandbox.check().changes if each.kind == kind)[:length]


@pytest.fixture
def three(sandbox: Any, run: Any) -> None:
    """An approved project in which `a` has lost a field and gained one, and `chat/b` has a null."""
    sandbox.record("a", sandbox.reply())
    sandbox.record("chat/b", sandbox.reply())
    run("accept", "--all")
    lost = sandbox.reply(brand_new=["x"])
    del lost["created"]
    sandbox.record("a", lost)
    sandbox.record("chat/b", sandbox.reply(usage=None))
    assert waiting(sandbox) == ["became-nullable", "field-added", "field-removed"]


pytestmark = pytest.mark.usefixtures("three")


@pytest.mark.parametrize("verb", ["accept", "reject"])
def test_deciding_on_nothing_asks_which_changes(run: Any, files: Any, verb: str) -> None:
    before = files()
    done = run(verb)
    assert done.code == 2
    assert "--all" in done.next
    assert files() == before


def test_a_fingerprint_is_named_by_any_unique_beginning_in_any_case(sandbox: Any, run: Any) -> None:
    done = run("accept", prefix(sandbox, "field-removed", 6).upper(), "--reason", "nobody reads it")
    assert done.code == 0
    assert done.out.startswith(
        f"accepted  {prefix_of(done.out)}  field-removed  together:chat.completions 200  $.created"
    )
    assert "1 accepted, 2 approved files written; take it back: acetate undo" in done.out
    assert waiting(sandbox) == ["became-nullable", "field-added"]


def prefix_of(out: str) -> str:
    return out.split()[1]


def test_a_beginning_of_several_fingerprints_lists_them(
    sandbox: Any, run: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "_verdict", alike(sandbox))
    before = files()
    done = run("accept", "abc")
    assert done.code == 2
    assert "`abc` is the start of 3 fingerprints" in done.err
    assert "abc0000000000000" in done.next
    assert files() == before


def alike(sandbox: Any) -> Callable[..., Any]:
    """The verdict, with fingerprints that begin alike: three of sixty-four bits never do by chance."""
    from dataclasses import replace

    verdict = sandbox.check()
    changes = tuple(replace(each, fingerprint=f"abc{number:013x}") for number, each in enumerate(verdict.changes))
    return lambda *_: replace(verdict, changes=changes)


@pytest.mark.parametrize("what", ["0123456789abcdef", ""])
def test_a_fingerprint_that_is_not_seen_is_said(run: Any, files: Any, what: str) -> None:
    before = files()
    done = run("accept", what)
    assert done.code == 2
    assert f"no fingerprint here starts with `{what}`" in done.err
    assert done.next.startswith("acetate check")
    assert files() == before


@pytest.mark.parametrize("path", ["cassettes/chat", "cassettes/chat/b", "cassettes/chat/b.yaml"])
def test_a_path_means_the_changes_that_are_seen_there(sandbox: Any, run: Any, path: str) -> None:
    assert run("accept", path).code == 0
    assert waiting(sandbox) == ["field-added", "field-removed"]


def test_a_path_may_be_named_from_the_current_folder(sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sandbox.root / "cassettes")
    assert run("accept", "chat").code == 0
    assert waiting(sandbox) == ["field-added", "field-removed"]


@pytest.mark.parametrize("folder", ["cafe", "cassettes/cafe"])
def test_a_folder_whose_name_could_be_a_fingerprint_is_a_folder(
    sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (sandbox.root / "acetate.toml").write_text('cassettes = ["cassettes/**", "cafe/**"]')
    sandbox.record("c", sandbox.reply(usage=None)).rename(sandbox.root / "c.yaml")
    (sandbox.root / folder).mkdir()
    (sandbox.root / "c.yaml").rename(sandbox.root / folder / "c.yaml")
    monkeypatch.chdir(sandbox.root / "cassettes")
    assert "exchange-unapproved" in run("accept", "cafe").out


def test_a_path_without_cassettes_is_said(run: Any) -> None:
    done = run("accept", "nowhere")
    assert (done.code, "nowhere: is no cassette" in done.err) == (2, True)


def test_kinds_and_severities_choose(sandbox: Any, run: Any) -> None:
    assert "1 accepted" in run("accept", "--kind", "field-added").out
    assert "2 rejected" in run("reject", "--severity", "error", "--reason", "no").out
    assert waiting(sandbox) == []


def test_several_kinds_may_be_named(sandbox: Any, run: Any) -> None:
    assert "2 accepted" in run("accept", "--kind", "field-added", "--kind", "field-removed").out


def test_each_word_narrows_the_choice(sandbox: Any, run: Any) -> None:
    run("accept", "cassettes/a", "--severity", "info")
    assert waiting(sandbox) == ["became-nullable", "field-removed"]


def test_where_nothing_fits_nothing_is_decided(sandbox: Any, run: Any, files: Any) -> None:
    before = files()
    done = run("accept", "--kind", "field-renamed")
    assert (done.code, done.out) == (0, "nothing to decide: no waiting change fits\n")
    assert files() == before
    run("accept", "--all")
    assert run("accept", "--all").out == "nothing to decide: no change is waiting\n"


def test_a_kind_that_does_not_exist_names_the_nearest(run: Any) -> None:
    done = run("accept", "--kind", "field-remved")
    assert (done.code, done.next) == (2, "--kind field-removed")
    assert run("accept", "--kind", "qqq").next.startswith("acetate explain")


def test_all_and_names_do_not_go_together(sandbox: Any, run: Any, files: Any) -> None:
    before = files()
    done = run("accept", "--all", "cassettes/a")
    assert done.code == 2
    assert done.next
    assert files() == before


def test_the_reason_and_the_person_are_kept_with_the_decision(sandbox: Any, run: Any, git: Any) -> None:
    git("config", "user.name", "Grace")
    git("config", "user.email", "grace@example.org")
    run("accept", "--kind", "field-removed", "--reason", "handled in #88")
    decided = decisions(sandbox)[-1]
    assert decided["decision"] == "approved"
    assert decided["why"] == "handled in #88"
    assert decided["by"] == "Grace <grace@example.org>"
    assert decided["change"]["path"] == "$.created"


def decisions(sandbox: Any) -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in (sandbox.root / "contracts/.reviews").iterdir()]
    return sorted(found, key=lambda each: str(each["at"]))


def test_without_git_the_person_is_who_is_logged_in(sandbox: Any, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "git", lambda *_: None)
    monkeypatch.setenv("LOGNAME", "ada")
    run("accept", "--kind", "field-added")
    assert decisions(sandbox)[-1]["by"] == "ada"

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    run("accept", "--kind", "field-removed")
    assert decisions(sandbox)[-1]["by"].startswith("user ")


def test_a_rejected_change_fails_until_it_is_gone_and_no_approved_file_is_touched(
    sandbox: Any, run: Any, files: Any
) -> None:
    before = files()
    run("reject", "--all", "--reason", "keep the old recordings")
    assert {path: content for path, content in files().items() if "/.reviews/" not in path} == {
        path: content for path, content in before.items() if "/.reviews/" not in path
    }
    done = run("check")
    assert done.code == 1
    assert "rejected: keep the old recordings" in done.out
    assert run("accept", "cassettes/a").out == "nothing to decide: no change is waiting\n"


def test_a_rejected_change_can_be_accepted_by_its_fingerprint(sandbox: Any, run: Any) -> None:
    run("reject", "--all")
    assert run("accept", prefix(sandbox, "became-nullable")).code == 0
    assert "became-nullable" not in [each.kind for each in sandbox.check().changes]


def test_undo_takes_back_the_last_command_whole(sandbox: Any, run: Any) -> None:
    approved = sandbox.approved()
    run("accept", "--kind", "field-added")
    between = sandbox.approved()
    run("accept", "--severity", "error")
    done = run("undo", "--reason", "too early")
    assert "2 undone; look again: acetate check" in done.out
    assert sandbox.approved() == between
    assert decisions(sandbox)[-1]["why"] == "too early"
    run("undo")
    assert sandbox.approved() == approved
    assert waiting(sandbox) == ["became-nullable", "field-added", "field-removed"]


def test_undo_takes_back_one_decision_by_its_fingerprint(sandbox: Any, run: Any) -> None:
    named = prefix(sandbox, "became-nullable")
    run("accept", "--all")
    done = run("undo", named)
    assert done.code == 0
    assert done.out.startswith(f"undone  {named}  became-nullable  together:chat.completions 200  $.usage")
    assert waiting(sandbox) == ["became-nullable"]


def test_undo_of_nothing_says_so(sandbox: Any, run: Any) -> None:
    run("undo")
    done = run("undo")
    assert (done.code, done.err.splitlines()[0]) == (2, "acetate: there is no decision to undo")
    assert "acetate log" in done.next


def test_undo_of_a_fingerprint_that_was_not_decided_says_so(run: Any) -> None:
    done = run("undo", "0123456789abcdef")
    assert done.code == 2
    assert done.next.startswith("acetate log")


def test_an_undo_that_cannot_restore_the_bytes_names_the_git_command(sandbox: Any, run: Any) -> None:
    run("accept", "--kind", "field-removed")
    for kept in (sandbox.root / ".acetate/undo").iterdir():
        kept.unlink()
    before = sandbox.approved()
    done = run("undo")
    assert done.code == 2
    assert done.next.startswith("git log")
    assert sandbox.approved() == before


def test_what_could_not_be_looked_at_is_said_beside_what_was_decided(sandbox: Any, run: Any) -> None:
    (sandbox.root / "cassettes/chat/b.yaml").write_text("- nothing")
    done = run("accept", "--all")
    assert done.code == 2
    assert "2 accepted" in done.out
    assert "not looked at  cassettes/chat/b.yaml" in done.out
    assert "  next: " in done.out


def test_rebuild_stands_alone(run: Any) -> None:
    assert run("accept", "--rebuild", "--all").next == "acetate accept --rebuild"
    assert run("accept", "--rebuild", "--against", "main").code == 2
    assert run("accept", "--rebuild").out == "every contract is as its snapshots say\n"


def test_rebuild_cures_a_conflict_in_a_contract(sandbox: Any, run: Any) -> None:
    contract = sandbox.root / "contracts/together/chat.completions/200.json"
    before = contract.read_text()
    contract.write_text(f"<<<<<<< ours\n{before}=======\n{before}>>>>>>> theirs\n")
    done = run("accept", "--rebuild")
    assert (done.code, done.out) == (0, "derived again  contracts/together/chat.completions/200.json\n")
    assert contract.read_text() == before


def test_a_status_that_nobody_records_any_more_can_be_accepted(sandbox: Any, run: Any) -> None:
    sandbox.record("error", {"error": {"message": "slow down"}}, status=429)
    run("accept", "--all")
    for name in ("a", "chat/b"):
        (sandbox.root / f"cassettes/{name}.yaml").unlink()
    assert waiting(sandbox) == ["status-removed"]
    assert run("accept", "--all").code == 0
    assert run("check").code == 0


def test_names_that_a_provider_chose_cannot_move_the_cursor(sandbox: Any, run: Any) -> None:
    sandbox.record("a", sandbox.reply(**{"\u202eevil\x9b2J": 1}))
    done = run("accept", "cassettes/a")
    assert done.code == 0
    assert "\\u202eevil" in done.out
    assert not {"\u202e", "\x9b"} & set(done.out)
