"""Review: accept, reject, undo. Each decision is a committed file, and every accept can be taken back."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from shlex import quote
from types import MappingProxyType
from typing import Literal

from acetate.adoption import adopted
from acetate.body import Json
from acetate.change import Absent, Change
from acetate.contract import Schema, pinned_in, read_contract
from acetate.decision import Decided, FileChange, decided_bytes, digest
from acetate.derivation import Sample, derive
from acetate.errors import Refused
from acetate.examine import echoes, examine
from acetate.files import locked, write_all, write_unsynced
from acetate.library import Ref
from acetate.project import Project
from acetate.provide import Endorsement, pending
from acetate.secret import check_clean
from acetate.snapshot import Entry, paired, read_snapshot, snapshot_bytes
from acetate.swap import Swap, forget_swap, keep_swap
from acetate.verdict import Context, short_fingerprints
from acetate.whole import NEW, taken_with

__all__ = ["accept", "confirm", "new_batch", "put_back", "rebuild", "reject", "undo"]

Via = Literal["terminal", "service"]

_NONE: Mapping[str, bytes] = MappingProxyType({})


def accept(
    project: Project,
    changes: Sequence[Change],
    *,
    by: str,
    why: str,
    via: Via = "terminal",
    waiting: Collection[str] = (),
    recordings: Mapping[str, bytes] = _NONE,
    batch: str | None = None,
) -> list[Decided]:
    """Approve changes: edit the snapshots of their occurrences at their paths, derive the contracts again, and write
    one decision for each. All or nothing: files are written after everything was worked out.

    Of the cassettes in `waiting` only the decisions speak: their snapshots stay as they are. `recordings` are the new
    bytes of cassettes, by name: they are written with snapshots that say what is in them. Raises Refused for a new
    exchange in which somebody has yet to decide on something else.
    """
    with locked(project.root, "review"):
        _check_whole(project, changes, {*waiting, *recordings})
        desk = _Desk(project, batch or new_batch())
        steps = [(change, desk.adopt(change, waiting, recordings)) for change in changes]
        together = desk.take(recordings) + desk.derive_contracts()
        decided = [_decided(change, "approved", by, why, via, files + together, desk.batch) for change, files in steps]
        desk.write(decided)
        if recordings and not decided:
            keep_swap(project.root, Swap(desk.batch, together))
    return decided


def put_back(project: Project, swap: Swap) -> None:
    """Take back what recordings without a change did: every file gets the bytes that it had before."""
    with locked(project.root, "review"):
        desk = _Desk(project)
        for file in swap.files:
            if file.before != file.after:
                desk.restore(file, "its recording")
        desk.write([])
        forget_swap(project.root, swap)


def new_batch() -> str:
    """The name of one command: those of later ones sort behind it."""
    return _now().replace(":", "").replace("-", "")


def _check_whole(project: Project, changes: Sequence[Change], apart: Collection[str]) -> None:
    """Refuse to take an exchange as new while something else in it is open: it would be approved by nobody's decision.
    The recordings `apart` change place only once all in them was decided."""
    new = {one.cassette for each in changes if each.kind == NEW and each.edge == "consume" for one in each.occurrences}
    if not new - set(apart):
        return
    files = [project.cassette_file(name) for name in sorted(new - set(apart))]
    seen = examine(project, files, Context(project.config.project, "")).changes
    left = taken_with(changes, seen, apart)
    if left:
        short = short_fingerprints([*seen, *changes])
        others = [each for each in left.values() if each.kind != NEW]
        named = [f"{short[each.fingerprint]} {each.kind} ({each.decision or 'undecided'})" for each in others]
        raise Refused(
            f"a new exchange is taken with all that is in it, and that was not approved: {', '.join(named)}",
            next=f'acetate accept {" ".join(short[name] for name in left)} --reason "..."   (or record it again)',
        )


def confirm(project: Project, changes: Sequence[Change], *, by: str, why: str) -> list[Decided]:
    """Approve what the approved files say already (an edit by hand, a cassette that was removed): only the decisions
    are written."""
    return _noted(project, changes, "approved", by, why)


def reject(project: Project, changes: Sequence[Change], *, by: str, why: str, via: Via = "terminal") -> list[Decided]:
    """Refuse changes: nothing approved is touched, and a change that is still there fails every run from now on."""
    return _noted(project, changes, "rejected", by, why, via)


def _noted(
    project: Project,
    changes: Sequence[Change],
    decision: Literal["approved", "rejected"],
    by: str,
    why: str,
    via: Via = "terminal",
) -> list[Decided]:
    with locked(project.root, "review"):
        desk = _Desk(project)
        decided = [_decided(change, decision, by, why, via, desk.untouched(change), desk.batch) for change in changes]
        desk.write(decided)
    return decided


def undo(project: Project, decisions: Sequence[Decided], *, by: str, why: str) -> list[Decided]:
    """Take decisions back, the newest first: their files get the bytes that they had before. With one that brought a
    recording go all that came with it."""
    with locked(project.root, "review"):
        desk = _Desk(project)
        batches = {each.batch for each in decisions if _brought_recording(each, project)}
        more = [each for each in project.decisions.standing() if each.batch in batches and each not in decisions]
        newest_first = sorted([*decisions, *more], key=lambda each: each.at, reverse=True)
        undone = [desk.revert(each, newest_first, by, why) for each in newest_first]
        desk.write(undone)
    return undone


def rebuild(project: Project) -> list[str]:
    """Derive every contract again from the approved snapshots; the paths of those that changed."""
    with locked(project.root, "review"):
        desk = _Desk(project)
        changed = desk.derive_contracts(every=True)
        desk.write([])
    return [each.path for each in changed if each.before != each.after]


@dataclass(slots=True)
class _Cassette:
    """What is seen of one cassette, or of one test of the project's own API, and for each the approved entry; orphans
    are seen no more."""

    seen: list[Entry]
    entries: list[Entry | None]
    orphans: list[Entry]

    def approved(self) -> list[Entry]:
        return [each for each in self.entries if each is not None] + self.orphans


@dataclass(slots=True)
class _Desk:
    """All edits of one command, worked out in memory. `files` holds the new bytes of each touched file."""

    project: Project
    batch: str = field(default_factory=new_batch)
    files: dict[str, bytes | None] = field(default_factory=dict)
    refs: set[Ref] = field(default_factory=set)
    _cassettes: dict[str, _Cassette] = field(default_factory=dict)
    _endorsement: Endorsement | None = None
    _clean: set[str] = field(default_factory=set)

    def adopt(
        self, change: Change, waiting: Collection[str] = (), recorded: Collection[str] = ()
    ) -> tuple[FileChange, ...]:
        """Take one change over into the snapshots of its occurrences, but for the cassettes that are `waiting` or are
        `recorded` anew. What a contract has and no exchange shows any more has none: the approval says that this is
        known."""
        if change.kind in ("status-removed", "observation-lost") and change.edge == "consume":
            return self.untouched(change)
        later = replace(change, occurrences=tuple(each for each in change.occurrences if each.cassette in waiting))
        touched = {each.path: each for each in self.untouched(later)}
        places: dict[str, set[int]] = {}
        for each in change.occurrences:
            if each.cassette not in (self.project.library.document_file, *waiting, *recorded):
                places.setdefault(each.cassette, set()).add(each.exchange)
        for cassette, indexes in places.items():
            held = self._cassette(cassette)
            path = self.project.library.snapshot_file(cassette)
            before = self.read(path)
            for index in sorted(indexes):
                self._adopt(held, index, change)
            after = _snapshot(held) or before
            if after != before:
                self.files[path] = after
                touched[path] = FileChange(path, self._keep(before), digest(after))
        if change.edge == "provide":
            touched |= self._adopt_document(change)
            return tuple(touched.values()) or self.untouched(change)
        return tuple(touched.values())

    def take(self, recordings: Mapping[str, bytes]) -> tuple[FileChange, ...]:
        """Give cassettes their new bytes, and their snapshots what is in them."""
        changed: list[FileChange] = []
        for name, content in recordings.items():
            held = self._cassette(name)
            for each in held.seen:
                self._check_clean(each)
            self.refs.update(Ref.of(each) for each in (*held.approved(), *held.seen))
            held.entries, held.orphans = list(held.seen), []
            files = {self.project.target(name): content, self.project.library.snapshot_file(name): _snapshot(held)}
            for path, after in files.items():
                changed.append(FileChange(path, self._keep(self.read(path)), digest(after)))
                self.files[path] = after
        return tuple(changed)

    def _adopt_document(self, change: Change) -> dict[str, FileChange]:
        """Take one change over into the approved document of the project's own API."""
        path = self.project.library.document_file
        self._endorsement = self._endorsement or Endorsement(self.project)
        before, after = self.read(path), self._endorsement.take(change)
        if after is None or after == before:
            return {}
        self.files[path] = after
        return {path: FileChange(path, self._keep(before), digest(after))}

    def _adopt(self, held: _Cassette, index: int, change: Change) -> None:
        seen, entry = held.seen[index], held.entries[index]
        if change.kind == NEW:
            new = seen
        elif entry is not None:
            is_recorded = entry.stream and change.edge == "consume"
            repeated = echoes(entry, seen, change.path, self.project) if is_recorded else []
            new = adopted(entry, seen, change, repeated)
        else:
            return
        self._check_clean(new)
        held.entries[index] = new
        if change.edge == "consume":
            self.refs.update(Ref.of(each) for each in (entry, seen) if each is not None)

    def _check_clean(self, entry: Entry) -> None:
        """Refuse to approve what looks like a secret. Masked bodies are much the same, so each is looked at once."""
        text = json.dumps(entry.body, ensure_ascii=False)
        if text not in self._clean:
            check_clean(text, self.project.redaction)
            self._clean.add(text)

    def derive_contracts(self, *, every: bool = False) -> tuple[FileChange, ...]:
        """The contracts of all touched operations, from all approved snapshots."""
        samples: dict[Ref, list[Sample]] = {ref: [] for ref in self.refs}
        for entry in self._approved() if self.refs or every else ():
            ref = Ref.of(entry)
            if every or ref in samples:
                samples.setdefault(ref, []).append(Sample.of(entry))
        return tuple(self._derived(ref, found) for ref, found in sorted(samples.items(), key=lambda item: str(item[0])))

    def _derived(self, ref: Ref, samples: list[Sample]) -> FileChange:
        path = ref.file(self.project.library.contracts)
        before = self.read(path)
        pinned: dict[str, Schema] = {}
        if before is not None and b"<<<<<<< " not in before:
            pinned = pinned_in(read_contract(before, path).document)
        after = None
        if samples or pinned:
            rules = self.project.rules(ref.operation)
            after = _document_bytes(derive(ref.operation, ref.status, ref.stream, samples, rules, pinned))
        if after != before:
            self.files[path] = after
        return FileChange(path, self._keep(before), digest(after))

    def untouched(self, change: Change) -> tuple[FileChange, ...]:
        """The approved files that a decision speaks of and does not edit, as they are."""
        library = self.project.library
        paths = dict.fromkeys(
            each.cassette if each.cassette.startswith(f"{library.contracts}/") else library.snapshot_file(each.cassette)
            for each in change.occurrences
        )
        return tuple(FileChange(path, digest(self.read(path)), digest(self.read(path))) for path in paths)

    def revert(self, decided: Decided, together: Sequence[Decided], by: str, why: str) -> Decided:
        """Give the files of one decision their bytes of before. Contracts, and all that came with a recording, go back
        with the last of the command's decisions; where others stay, contracts follow from the snapshots."""
        whole_batch = {each.fingerprint for each in self._batch(decided)} <= {each.fingerprint for each in together}
        last_of_batch = decided is [each for each in together if each.batch == decided.batch][-1]
        restored: list[FileChange] = []
        library = self.project.library
        brought = _brought_recording(decided, self.project)
        if brought and not whole_batch:
            raise Refused(
                "came with a recording, and what else came with it was decided again since",
                where=decided.fingerprint[:8],
                next="undo what was decided later first (acetate log)",
            )
        for file in decided.files:
            is_contract = file.path.startswith(f"{library.contracts}/") and file.path != library.document_file
            if file.before == file.after:
                continue
            if not (is_contract or brought) or (whole_batch and last_of_batch):
                restored.append(self.restore(file, decided.fingerprint[:8]))
            elif is_contract and not whole_batch:
                self.refs.add(Ref.of_contract(read_contract(self.read(file.path) or b"{}", file.path)))
        restored += self.derive_contracts()
        self.refs.clear()
        return replace(
            decided,
            decision="undone",
            by=by,
            at=_now(),
            why=why,
            via="terminal",
            files=tuple(restored),
            batch=self.batch,
        )

    def restore(self, file: FileChange, accepted: str) -> FileChange:
        """Give a file the bytes that it had before something was accepted."""
        path = quote(file.path)
        if digest(self.read(file.path)) != file.after:
            raise Refused(
                f"has moved on since {accepted} was accepted, so it cannot be put back",
                where=file.path,
                next=f"undo what was accepted later first (acetate log {path}), or git log -p -- {path}",
            )
        before = None
        if file.before is not None:
            kept = self.project.undo_folder / file.before
            before = kept.read_bytes() if kept.exists() else None
            if digest(before) != file.before:
                raise Refused(
                    "the bytes of before are not on this machine (they are kept under .acetate/undo/)",
                    where=file.path,
                    next=f"git log --oneline -- {path}, then git checkout COMMIT -- {path}",
                )
        self.files[file.path] = before
        return FileChange(file.path, file.after, file.before)

    def _batch(self, decided: Decided) -> Iterator[Decided]:
        return (
            each for each in self.project.decisions.all() if each.batch == decided.batch and each.decision == "approved"
        )

    def read(self, path: str) -> bytes | None:
        """A file as it will be."""
        return self.files[path] if path in self.files else self.project.library.tree.read(path)

    def write(self, decided: Iterable[Decided]) -> None:
        """Write it all: approved files first, then the decisions that name their digests."""
        root = self.project.root
        write_all({root / path: content for path, content in self.files.items() if content is not None})
        for path in (path for path, content in self.files.items() if content is None):
            (root / path).unlink(missing_ok=True)
        write_all({root / self.project.decisions.folder / each.name: decided_bytes(each) for each in decided})

    def _keep(self, content: bytes | None) -> str | None:
        """Keep the bytes of before, by their digest, for an undo."""
        name = digest(content)
        if content is not None and name is not None and not (self.project.undo_folder / name).exists():
            write_unsynced(self.project.undo_folder / name, content)
        return name

    def _cassette(self, name: str) -> _Cassette:
        if name not in self._cassettes:
            seen = self._seen(name)
            entries = self.project.library.entries(name)
            partners = paired(entries, seen)
            held = [entries[index] if index is not None else None for index in partners]
            orphans = [entry for index, entry in enumerate(entries) if index not in partners]
            self._cassettes[name] = _Cassette(seen, held, orphans)
        return self._cassettes[name]

    def _seen(self, name: str) -> list[Entry]:
        if not self.project.library.is_own(name):
            return [each.entry for each in self.project.observations(self.project.cassette_file(name))]
        left = pending(self.project).of(name)
        return [each.entry for each in left.answers] if left else []

    def _approved(self) -> Iterator[Entry]:
        """All approved entries of recordings as they will be."""
        library = self.project.library
        touched = {library.snapshot_file(name): held for name, held in self._cassettes.items()}
        names = {*library.snapshot_names(), *self._cassettes}
        for name in sorted(each for each in names if not library.is_own(each)):
            held = touched.get(library.snapshot_file(name))
            path = library.snapshot_file(name)
            if held is not None and path in self.files:
                yield from held.approved()
            elif self.read(path) is not None:
                yield from read_snapshot(self.read(path) or b"", path)


def _snapshot(held: _Cassette) -> bytes | None:
    approved = held.approved()
    return snapshot_bytes(approved) if approved else None


def _brought_recording(decided: Decided, project: Project) -> bool:
    """True if the same command put a recording into its cassette."""
    library = project.library
    return any(not file.path.startswith((f"{library.contracts}/", f"{library.snapshots}/")) for file in decided.files)


def _decided(
    change: Change,
    decision: Literal["approved", "rejected"],
    by: str,
    why: str,
    via: Via,
    files: tuple[FileChange, ...],
    batch: str,
) -> Decided:
    sides = {"before": change.before, "after": change.after}
    summary: dict[str, Json] = {
        "kind": change.kind,
        "severity": change.severity,
        "edge": change.edge,
        "operation": f"{change.provider}:{change.operation}",
        "status": change.status,
        "stream": change.stream,
        "path": change.path,
        "occurrences": len(change.occurrences),
        **{name: side for name, side in sides.items() if not isinstance(side, Absent)},
    }
    return Decided(change.fingerprint, decision, by, _now(), why, via, summary, files, batch)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _document_bytes(document: Schema) -> bytes:
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
