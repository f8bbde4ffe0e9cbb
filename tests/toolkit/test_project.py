"""A project: its cassettes, and exchanges as they are examined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acetate.errors import UsageError
from acetate.project import Project


def test_cassettes_are_found_by_the_configured_globs(sandbox: Any) -> None:
    sandbox.record("chat/hello", sandbox.reply())
    other = sandbox.root / "tests/api/cassettes/test_x/test_y[a].yaml"
    other.parent.mkdir(parents=True)
    other.write_text("interactions: []\nversion: 1\n")
    (sandbox.root / "cassettes/notes.txt").write_text("no cassette")
    assert [each.name for each in sandbox.project().cassettes()] == [
        "cassettes/chat/hello",
        "tests/api/cassettes/test_x/test_y[a]",
    ]


def test_two_globs_that_find_one_file_find_it_once(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    (sandbox.root / "acetate.toml").write_text('cassettes = ["cassettes/**", "cassettes/*.yaml"]\n')
    assert [each.path for each in sandbox.project().cassettes()] == ["cassettes/a.yaml"]


@pytest.mark.parametrize("path", ["cassettes/chat", "cassettes/chat/a.yaml", "cassettes/chat/a"])
def test_a_path_names_a_folder_a_file_or_a_cassette(sandbox: Any, path: str) -> None:
    sandbox.record("chat/a", sandbox.reply())
    sandbox.record("b", sandbox.reply())
    assert [each.name for each in sandbox.project().cassettes([path])] == ["cassettes/chat/a"]


def test_a_path_counts_from_where_one_stands(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.record("chat/a", sandbox.reply())
    monkeypatch.chdir(sandbox.root / "cassettes")
    assert [each.name for each in sandbox.project().cassettes(["chat"])] == ["cassettes/chat/a"]


def test_a_path_without_cassettes_is_an_error(sandbox: Any) -> None:
    with pytest.raises(UsageError, match="no cassette") as error:
        sandbox.project().cassettes(["cassettes/nothing"])
    assert "acetate status" in error.value.next


def test_a_cassette_is_found_by_its_name(sandbox: Any) -> None:
    sandbox.record("a", sandbox.reply())
    assert sandbox.project().cassette_file("cassettes/a").path == "cassettes/a.yaml"
    with pytest.raises(UsageError, match="no such cassette"):
        sandbox.project().cassette_file("cassettes/b")


def test_the_nearest_configuration_is_the_project(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    below = sandbox.root / "src" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert Project.open(None, {}).root == sandbox.root


def test_a_base_url_variable_makes_a_host_the_provider(sandbox: Any) -> None:
    path: Path = sandbox.record("a", sandbox.reply())
    path.write_text(path.read_text().replace("https://api.together.xyz", "http://localhost:9999"))
    plain = Project(sandbox.project().config, {})
    pointed = Project(plain.config, {"TOGETHER_BASE_URL": "http://localhost:9999/v1"})
    (file,) = plain.cassettes()
    assert [str(each.entry.operation) for each in plain.observations(file)] == ["localhost-9999:chat.completions"]
    assert [str(each.entry.operation) for each in pointed.observations(file)] == ["together:chat.completions"]
    assert plain.result_key(file) != pointed.result_key(file)


def test_both_hosts_of_together_are_one_provider(sandbox: Any) -> None:
    keys = set()
    for host in ("api.together.ai", "api.together.xyz"):
        path: Path = sandbox.record("a", sandbox.reply())
        path.write_text(path.read_text().replace("api.together.xyz", host))
        (file,) = sandbox.project().cassettes()
        keys.add(sandbox.project().observations(file)[0].entry.match_key)
    assert len(keys) == 1


def test_a_key_in_a_request_does_not_change_what_it_matches(sandbox: Any) -> None:
    path: Path = sandbox.record("a", sandbox.reply())
    (file,) = sandbox.project().cassettes()
    before = sandbox.project().observations(file)[0].entry.match_key
    secret = "tgp_v1_" + "a1" * 20
    path.write_text(path.read_text().replace("question 0", f"question 0 {secret}"))
    one = sandbox.project().observations(file)[0].entry.match_key
    path.write_text(path.read_text().replace(secret, "tgp_v1_" + "b2" * 20))
    other = sandbox.project().observations(file)[0].entry.match_key
    assert one == other != before
