"""The report for CI systems that read JUnit XML: one test case per operation with a failure per change in it, and one
per test that mocks a provider."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from acetate.change import Change
from acetate.report.text import block, fault_rows, note_lines, problem_block
from acetate.report.wording import Group, Scope, cut, grouped, place, summary
from acetate.verdict import Mock, Verdict, short_fingerprints

__all__ = ["render"]

_EVERYTHING = Scope()
_FAILING = ("breaking", "rejected", "review")


def render(verdict: Verdict, *, scope: Scope = _EVERYTHING) -> str:
    """Changes that need nobody are written as output of a test case that passes."""
    suite = Element("testsuite", name=cut(verdict.context.project))
    _examination(suite, verdict)
    short = short_fingerprints(verdict.changes)
    cases: dict[tuple[str, str], Element] = {}
    for group, changes in grouped(verdict):
        for change in changes:
            key = (change.edge, place(change))
            if key not in cases:
                cases[key] = SubElement(
                    suite, "testcase", classname=f"acetate.{key[0]}", name=cut(key[1], 200), time="0"
                )
            _report(cases[key], change, group, block(change, group, short[change.fingerprint], scope=scope))
    for mock in verdict.mocks:
        _mock(suite, mock)
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    root = Element("testsuites", suite.attrib | {"name": "acetate"})
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _examination(suite: Element, verdict: Verdict) -> None:
    """The test case that is always there: whether everything could be looked at."""
    case = SubElement(suite, "testcase", classname="acetate", name="every exchange could be examined", time="0")
    for problem in verdict.problems:
        error = SubElement(case, "error", type="problem", message=cut(f"{problem.where}: {problem.problem}", 200))
        error.text = "\n".join(problem_block(problem))
    if not verdict.problems and not verdict.counts.examined:
        SubElement(case, "error", type="problem", message="nothing was examined").text = "next: acetate init"
    said = [f"{summary(verdict)}, {verdict.counts.examined} examined", *note_lines(verdict.notes)]
    SubElement(case, "system-out").text = "\n".join(said)


def _report(case: Element, change: Change, group: Group, said: Iterable[str]) -> None:
    lines = "\n".join(said)
    if group.name in _FAILING:
        message = f"{group.noun}: {cut(change.kind)} {cut(change.path, 200)}"
        SubElement(case, "failure", type=cut(change.kind), message=message).text = lines
    else:
        _say(case, lines)


def _mock(suite: Element, mock: Mock) -> None:
    """What fails a run with CI set is a failure; of what nothing is approved nobody knows."""
    name = f"{cut(mock.test, 200)} {cut(place(mock), 200)}"
    case = SubElement(suite, "testcase", classname="acetate.mocks", name=name, time="0")
    if mock.contract is None:
        SubElement(case, "skipped", message="nothing is approved to hold this mock against")
    lines = "\n".join([f"against {cut(mock.contract or '', 200)}", *fault_rows(mock)])
    if any(each.severity == "error" for each in mock.faults):
        message = f"no longer looks like {cut(mock.provider)}"
        SubElement(case, "failure", type="mock", message=message).text = lines
    elif mock.faults:
        _say(case, lines)


def _say(case: Element, lines: str) -> None:
    output = case.find("system-out")
    if output is None:
        output = SubElement(case, "system-out")
    output.text = f"{output.text}\n\n{lines}" if output.text else lines
