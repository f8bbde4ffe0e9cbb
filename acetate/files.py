"""Files at the edge: a file is replaced whole or not at all, by one writer at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from acetate.errors import AcetateError

__all__ = [
    "WORKSPACE",
    "forget",
    "held",
    "locked",
    "sync_folder",
    "workspace",
    "write_all",
    "write_atomic",
    "write_unsynced",
]

WORKSPACE = ".acetate"
"""The folder of everything that Acetate writes and nobody approves; safe to delete."""

_AT_ONCE = 16
"""How many files wait for the disk together: it puts many on it in the time of one."""


def workspace(root: Path) -> Path:
    """`<root>/.acetate`, made if it is missing, and out of git's sight from the start."""
    folder = root / WORKSPACE
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


def write_atomic(path: Path, data: bytes) -> None:
    """Replaces the file, or leaves the old one as it was and raises AcetateError. On return it is on the disk.

    The mode of a file that is replaced is kept, and a link keeps pointing to its file.
    """
    write_all({path: data})


def write_all(files: Mapping[Path, bytes]) -> None:
    """Replaces many files as `write_atomic` does one: the first only once all of them are on the disk beside what they
    replace. Each folder is put on the disk once, and no file waits for another one."""
    targets = {path: path.resolve() for path in files}
    temporaries = {path: _temporary(target) for path, target in targets.items()}

    def write(path: Path) -> None:
        with _told_of(path):
            _write(temporaries[path], files[path], like=targets[path])

    try:
        if len(files) > 1:
            from concurrent.futures import ThreadPoolExecutor  # whoever writes one file does not wait for it

            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for _ in pool.map(write, files):
                    pass
        else:
            for path in files:
                write(path)
        for path, target in targets.items():
            with _told_of(path):
                temporaries[path].replace(target)
    except BaseException:
        for temporary in temporaries.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        raise
    for path, folder in {target.parent: path for path, target in targets.items()}.items():
        with _told_of(folder):
            sync_folder(path)


def write_unsynced(path: Path, data: bytes) -> None:
    """Replaces the file whole and does not wait for the disk: a crash of the machine may take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.write_bytes(data)
    temporary.replace(path)


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AcetateError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            next="make room there or check who may write, then run it again; no file was left half written",
        ) from error


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _write(temporary: Path, data: bytes, *, like: Path) -> None:
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with temporary.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        temporary.chmod(like.stat().st_mode & 0o777)


def sync_folder(folder: Path) -> None:
    """Puts the names in a folder on the disk, where the system lets a folder be opened at all."""
    with contextlib.suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def locked(root: Path, name: str, *, timeout: float = 60) -> Iterator[None]:
    """Holds the lock called `name` (a cassette, say) against all threads and processes of this project. Raises
    AcetateError if somebody else still has it after `timeout` seconds."""
    with held(root, name, timeout=timeout) as mine:
        if not mine:
            raise AcetateError(
                f"another process has been writing it for {timeout:g} s",
                where=name,
                next="wait for the other run, or end it, then run this again",
            )
        yield


@contextlib.contextmanager
def held(root: Path, name: str, *, timeout: float = 0) -> Iterator[bool]:
    """Tries the lock: yields False if somebody alive has it. A process that dies lets go of it."""
    from filelock import FileLock, Timeout  # 30 ms that whoever only reads does not pay

    path = _lock_path(root, name)
    workspace(root)
    path.parent.mkdir(exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def forget(root: Path, name: str) -> None:
    """Removes the file of a lock, by its holder: what it guarded is gone, and its name is not used again."""
    _lock_path(root, name).unlink(missing_ok=True)


def _lock_path(root: Path, name: str) -> Path:
    """Names are hashed: a test id can be longer than a file name may be."""
    return root / WORKSPACE / "locks" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock"
