"""Reviews: who decides on a change, what stands, and what was decided before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from acetate.change import Decision as Decided
from acetate.errors import AcetateError
from acetate.ruling import Ruling
from acetate.snapshot import Entry, paired, read_snapshot
from app.auth.person import Person
from app.errors import Conflict, Forbidden, NotFound, Unprocessable
from app.models import Change, Decision, Project, Report, Run, Sighting, now
from app.reviews.reviewed import Reviewed, reviewed
from app.runs import outbox, store
from app.runs.judgement import WAITING, judge, settle, sides_from
from app.runs.service import find_run, hold, spread_news
from app.settings import Settings

__all__ = [
    "Batch",
    "Shown",
    "change",
    "changes",
    "changes_named",
    "decide",
    "document",
    "exchange",
    "history",
    "inbox",
    "is_own",
    "last_batch",
    "newest_runs",
    "rulings",
    "taken_back",
]

Verb = Literal["approved", "rejected", "undone"]

log = structlog.get_logger("acetate.reviews")


# Looking


def changes(session: Session, run_id: UUID) -> list[Reviewed]:
    """All changes of a run, worst first, without their occurrences."""
    find_run(session, run_id)
    return reviewed(session, Sighting.run_id == run_id)


def change(session: Session, run_id: UUID, fingerprint: str) -> Reviewed:
    """One change of a run, with its occurrences; by any unique start of its fingerprint."""
    find_run(session, run_id)
    starts = Sighting.fingerprint.startswith(fingerprint, autoescape=True)
    found = reviewed(session, Sighting.run_id == run_id, starts, occurrences=True)
    if len(found) != 1:
        raise NotFound("There is no such change in this run.")
    return found[0]


def inbox(session: Session, *, project: str | None = None) -> list[Reviewed]:
    """What waits for a decision in the current run of any branch or pull request: each change once, in the newest run
    that shows it."""
    mine = true() if project is None else Sighting.project == project
    waiting = reviewed(
        session,
        Run.current.is_(True),
        Run.waiting > 0,
        mine,
        Sighting.decision.is_(None),
        Sighting.severity.in_(WAITING),
    )
    newest: dict[tuple[str, str], Reviewed] = {}
    for each in waiting:
        key = (each.run.project, each.change.fingerprint)
        if key not in newest or newest[key].run.created_at < each.run.created_at:
            newest[key] = each
    return [each for each in waiting if newest[each.run.project, each.change.fingerprint] is each]


@dataclass(frozen=True)
class Shown:
    """Both sides of one exchange, masked; None where there is none."""

    approved: Entry | None
    now: Entry | None


def exchange(session: Session, run_id: UUID, name: str, index: int, *, kind: str = "") -> Shown:
    """The exchange of an occurrence of a change of that kind: what was seen of it, and the approved entry that it
    answers to. Occurrences of `observation-lost` count the approved entries."""
    try:
        approved, now_ = (read_snapshot(each or _NOTHING, name) for each in _both(session, run_id, name))
    except AcetateError:
        raise NotFound("What was pushed there is no snapshot.") from None
    partners = paired(approved, now_)
    is_lost = kind == "observation-lost" or not now_
    if is_lost and 0 <= index < len(approved):
        return Shown(approved[index], None)
    if not is_lost and 0 <= index < len(now_):
        partner = partners[index]
        return Shown(None if partner is None else approved[partner], now_[index])
    raise NotFound("There is no such exchange in this run.")


def document(session: Session, run_id: UUID, path: str) -> tuple[Any, Any]:
    """Both sides of a contract or of the document of a project's own API, as JSON; None where there is none."""
    try:
        approved, seen = (None if each is None else json.loads(each) for each in _both(session, run_id, path))
    except (ValueError, RecursionError):
        raise NotFound("What was pushed there is no JSON.") from None
    return approved, seen


_NOTHING = b'{"version": 1, "exchanges": []}'


def _both(session: Session, run_id: UUID, name: str) -> tuple[bytes | None, bytes | None]:
    """Both sides of a file, by its name in occurrences."""
    run = find_run(session, run_id)
    held = session.execute(select(Report.snapshots, Report.contracts).where(Report.run_id == run_id))
    sides = next((known[name] for row in held for known in row if name in known), None)
    if sides is None:
        raise NotFound("There is no such file in this run.")
    files = store.contents(session, run.project, [digest for digest in sides.values() if digest])
    return files.get(sides["approved"]), files.get(sides["now"])


# Deciding


def decide(
    session: Session,
    settings: Settings,
    person: Person,
    run_id: UUID,
    *,
    decision: Verb,
    why: str,
    chosen: Sequence[tuple[str, str]],
    batch: UUID | None = None,
) -> list[Reviewed]:
    """One decision on changes of a run, each with the state that was on the screen; how they stand afterwards. All of
    them or none: Conflict where one has moved on meanwhile, Forbidden where one is the person's own. Decisions on
    several runs that share a `batch` can be taken back together."""
    if decision == "rejected" and not why.strip():
        raise Unprocessable("reason-missing", "Say why it is rejected: whoever made it has to know.")
    run = find_run(session, run_id)
    hold(session, run.project)
    wanted = dict(chosen)
    shown = _chosen(session, run, wanted)
    stale = [each for each in shown if each.state != wanted[each.change.fingerprint]]
    if stale:
        raise Conflict(
            "stale",
            "What you decide on has moved on since you looked at it. Nothing was decided.",
            changes=[_newer(each) for each in stale],
        )
    _check_author(settings, person, shown)
    known = {each.fingerprint: each for each in _known(session, run.project, wanted)}
    together = batch or uuid4()
    for each in shown:
        _rule(session, person, decision, why, each, known[each.change.fingerprint], together)
    session.flush()
    project = session.get_one(Project, run.project)
    touched: set[UUID] = set()
    for some in store.chunks(sorted(wanted)):
        touched |= settle(session, project, Sighting.fingerprint.in_(some))
    spread_news(session, project, judge(session, touched))
    outbox.announce(
        session, run, "change.decided", decision=decision, why=why, by=person.username, changes=sorted(wanted)
    )
    log.info("decided", project=run.project, run=str(run.id), decision=decision, changes=len(shown))
    session.expire_all()
    return _chosen(session, run, wanted)


def _chosen(session: Session, run: Run, fingerprints: Collection[str]) -> list[Reviewed]:
    found = _shown_in(session, run.id, fingerprints)
    if len(found) < len(fingerprints):
        raise NotFound("One of these changes is not in this run, or no longer.")
    return found


def _shown_in(session: Session, run_id: UUID, fingerprints: Collection[str]) -> list[Reviewed]:
    return [
        each
        for some in store.chunks(sorted(fingerprints))
        for each in reviewed(session, Sighting.run_id == run_id, Sighting.fingerprint.in_(some))
    ]


def _known(session: Session, project: str, fingerprints: Collection[str]) -> Iterable[Change]:
    for some in store.chunks(sorted(fingerprints)):
        yield from session.scalars(select(Change).where(Change.project == project, Change.fingerprint.in_(some)))


def _newer(each: Reviewed) -> dict[str, Any]:
    return {
        "fingerprint": each.change.fingerprint,
        "state": each.state,
        "decision": each.change.decision,
        "by": each.by,
        "why": each.why,
    }


def _check_author(settings: Settings, person: Person, shown: Iterable[Reviewed]) -> None:
    own = [each.change.fingerprint for each in shown if is_own(settings, person, each)]
    if own:
        raise Forbidden("own-change", "Somebody else has to decide on what you changed.", fingerprints=own)


def is_own(settings: Settings, person: Person, shown: Reviewed) -> bool:
    """Whether a person may not decide on a change because it is theirs: whoever showed it first, or wrote the run where
    nobody knows who did."""
    return not settings.allow_self_review and _wrote(person, shown.author or shown.run.author)


def _wrote(person: Person, author: str | None) -> bool:
    """CI names an account; git on a developer's machine says `Name <email>`."""
    name, _, email = (author or "").partition(" <")
    return any(person.wrote(each) for each in (author, name, email.rstrip(">")) if each)


def _rule(
    session: Session, person: Person, decision: Verb, why: str, shown: Reviewed, known: Change, batch: UUID
) -> None:
    """Write a decision down, and let it stand; an undoing lets the one before stand again."""
    made = Decision(
        project=known.project,
        fingerprint=known.fingerprint,
        version=known.version + 1,
        decision=decision,
        by_id=person.id,
        by=person.username,
        at=now(),
        why=why,
        run_id=shown.run.id,
        batch=batch,
        sides=_screen(session, known.project, shown.sides),
    )
    stands = _before(session, known) if decision == "undone" else made
    session.add(made)
    known.version += 1
    known.decision = stands.decision if stands else None
    known.decided_by = stands.by if stands else None
    known.decided_at = stands.at if stands else None
    known.why = stands.why if stands else None
    known.sides = stands.sides if stands else None


def _screen(session: Session, project: str, sides: Sequence[str]) -> str:
    """The stored file of what was on the screen: of a change that several reports show, all of it."""
    if len(sides) == 1:
        return sides[0]
    held = store.read_json(session, project, sides)
    whole = store.packed_json({name: each for digest in sides for name, each in held[digest].items()})
    store.put(session, project, [whole])
    return whole.digest


def _before(session: Session, known: Change) -> Decision | None:
    """The decision that stands once the one that stands now is undone."""
    told = list(_told(session, known.project, known.fingerprint))
    gone = {each.id for _, each in told if each}
    standing = [each for each, taken in told if taken is None and each.id not in gone]
    if not standing:
        raise Conflict("nothing-to-undo", "Nobody decided on that change here, or it was undone already.")
    return standing[-2] if len(standing) > 1 else None


def _told(session: Session, project: str, fingerprint: str) -> Iterator[tuple[Decision, Decision | None]]:
    """The decisions on a change, oldest first, each undoing with the decision that it took back."""
    mine = (Decision.project == project, Decision.fingerprint == fingerprint)
    standing: list[Decision] = []
    for each in session.scalars(select(Decision).where(*mine).order_by(Decision.version)):
        if each.decision == "undone":
            yield each, standing.pop()
        else:
            standing.append(each)
            yield each, None


# What was decided


@dataclass(frozen=True)
class Batch:
    """What a person has decided at once, and the changes as they are now. It `stands` while nobody has decided on any
    of them since."""

    id: UUID
    decision: str
    reviewed: tuple[Reviewed, ...]
    stands: bool


def last_batch(session: Session, person: Person) -> Batch | None:
    """The newest decisions of a person; None where there are none, or no run shows those changes any more."""
    mine = Decision.by_id == person.id
    newest = session.scalar(select(Decision).where(mine).order_by(Decision.at.desc(), Decision.version.desc()).limit(1))
    if newest is None:
        return None
    made = session.scalars(select(Decision).where(mine, Decision.batch == newest.batch)).all()
    by_run: dict[UUID, list[Decision]] = {}
    for each in made:
        by_run.setdefault(each.run_id, []).append(each)
    shown = [
        each for run, same in by_run.items() for each in _shown_in(session, run, {one.fingerprint for one in same})
    ]
    if not shown:
        return None
    stands = len(shown) == len(made) and all(_is_newest(session, each) for each in by_run.values())
    return Batch(newest.batch, newest.decision, tuple(shown), stands)


def _is_newest(session: Session, same: Sequence[Decision]) -> bool:
    """Whether nobody has decided on these changes of one project since."""
    versions = {each.fingerprint: each.version for each in same}
    return all(each.version == versions[each.fingerprint] for each in _known(session, same[0].project, versions))


def taken_back(session: Session, undone: Iterable[Decision]) -> dict[UUID, Decision]:
    """By the id of each undoing, the decision that it took back."""
    changes = {(each.project, each.fingerprint) for each in undone if each.decision == "undone"}
    return {each.id: gone for named in changes for each, gone in _told(session, *named) if gone}


def history(
    session: Session, *, project: str | None = None, fingerprint: str | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[Decision], int]:
    """Every decision that was ever made, the newest first, and how many there are in all."""
    asked = {Decision.project: project, Decision.fingerprint: fingerprint}
    wanted = [column == value for column, value in asked.items() if value is not None]
    total = session.scalar(select(func.count()).select_from(Decision).where(true(), *wanted)) or 0
    chosen = select(Decision).where(true(), *wanted).order_by(Decision.at.desc(), Decision.version.desc(), Decision.id)
    return list(session.scalars(chosen.limit(limit).offset(offset))), total


def changes_named(session: Session, project: str, fingerprints: Collection[str]) -> dict[str, Change]:
    """What these fingerprints stand for."""
    return {each.fingerprint: each for each in _known(session, project, set(fingerprints))}


def newest_runs(session: Session, project: str, fingerprints: Collection[str]) -> dict[str, UUID]:
    """The newest run that shows each change, where there is one."""
    mine = (Sighting.project == project, Sighting.fingerprint.in_(fingerprints))
    chosen = select(Sighting.fingerprint, Run.id).join(Run, Run.id == Sighting.run_id).where(*mine)
    return {row.fingerprint: row.id for row in session.execute(chosen.order_by(Run.created_at))}


def rulings(session: Session, project: str, fingerprints: Collection[str]) -> tuple[bool, list[Ruling]]:
    """The decisions that stand on some changes, and whether the project wants a second person. A project that has
    never pushed has none."""
    found = session.get(Project, project)
    standing = [each for each in _known(session, project, set(fingerprints)) if each.decision]
    held = store.read_json(session, project, {each.sides for each in standing if each.sides})
    return bool(found and found.require_approval), [_ruling(each, held[str(each.sides)]) for each in standing]


def _ruling(known: Change, held: Any) -> Ruling:
    assert known.decided_at is not None
    return Ruling(
        fingerprint=known.fingerprint,
        decision=_decided(known.decision),
        by=known.decided_by or "",
        at=known.decided_at.isoformat(),
        why=known.why or "",
        sides=sides_from(held),
    )


def _decided(decision: str | None) -> Decided:
    return "approved" if decision == "approved" else "rejected"
