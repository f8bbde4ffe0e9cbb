"""Files are replaced whole or not at all, by one writer at a time."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from acetate.errors import AcetateError
from acetate.files import held, locked, workspace, write_all, write_atomic, write_unsynced

COUNTER = """
import sys
from pathlib import Path
from acetate.files import locked, write_atomic
root = Path(sys.argv[1])
for _ in range(25):
    with locked(root, "counter"):
        count = int((root / "count").read_text())
        write_atomic(root / "count", str(count + 1).encode())
"""
HOLDER = """
import sys, time
from pathlib import Path
from acetate.files import locked
with locked(Path(sys.argv[1]), "chat"):
    print("mine", flush=True)
    time.sleep(60)
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def test_a_file_and_its_folders_are_made(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b" / "c.yaml", b"new")
    assert (tmp_path / "a" / "b" / "c.yaml").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c.yaml"]


def test_a_new_file_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o604)
    write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o604


def test_a_link_goes_on_pointing_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # beyond it, writing fails
    try:
        with pytest.raises(AcetateError, match="cannot be written: File too large") as caught:
            write_atomic(tmp_path / "a", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.next.startswith("make room there")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_replaced_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(AcetateError, match="cannot be written"):
        write_atomic(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_workspace_is_out_of_gits_sight(tmp_path: Path) -> None:
    assert workspace(tmp_path) == tmp_path / ".acetate"
    assert (tmp_path / ".acetate" / ".gitignore").read_text() == "*\n"


def test_a_workspace_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ".acetate").mkdir()
    workspace(tmp_path)
    assert not list((tmp_path / ".acetate").iterdir())


def test_four_processes_under_one_lock_lose_no_update(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    for child in [python(COUNTER, tmp_path) for _ in range(4)]:
        with child:
            assert child.wait(timeout=60) == 0
    assert (tmp_path / "count").read_text() == "100"


def test_a_lock_that_is_taken_is_said_with_the_way_out(tmp_path: Path) -> None:
    with python(HOLDER, tmp_path) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(AcetateError, match="another process has been writing it") as caught:  # noqa: SIM117
            with locked(tmp_path, "chat", timeout=0.1):
                pass
        with held(tmp_path, "chat") as mine:
            assert not mine
        with held(tmp_path, "another") as mine:
            assert mine
        holder.kill()
    assert (caught.value.where, caught.value.next[:23]) == ("chat", "wait for the other run,")


def test_a_process_that_is_killed_lets_go_of_its_lock(tmp_path: Path) -> None:
    with python(HOLDER, tmp_path) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with held(tmp_path, "chat") as mine:
        assert mine


def test_names_too_long_for_a_file_can_be_locked(tmp_path: Path) -> None:
    with held(tmp_path, "x" * 1000) as mine:
        assert mine


def test_of_many_files_none_is_replaced_unless_all_can_be(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "file").write_bytes(b"")
    files = {tmp_path / "a": b"new", tmp_path / "file" / "b": b"new", tmp_path / "c": b"new"}
    with pytest.raises(AcetateError, match="cannot be written") as caught:
        write_all(files)
    assert caught.value.where == str(tmp_path / "file" / "b")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file"]


def test_many_files_are_written_together(tmp_path: Path) -> None:
    files = {tmp_path / str(number % 3) / f"{number}.json": str(number).encode() for number in range(50)}
    write_all(files)
    write_all({})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == files


def test_what_does_not_wait_for_the_disk_is_whole_all_the_same(tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        write_unsynced(tmp_path / "a" / "b", content)
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == {"b": b"new"}
