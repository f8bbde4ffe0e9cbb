"""The report for CI systems that read JUnit XML: one test case per operation, a failure per change in it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from acetate.change import Change
from acetate.report.text import block, problem_block
from acetate.report.wording import Group, cut, grouped, place, summary
from acetate.verdict import Verdict, short_fingerprints

__all__ = ["render"]

_FAILING = ("breaking", "rejected", "review")


def render(verdict: Verdict) -> str:
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
            _report(cases[key], change, group, short[change.fingerprint])
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in suite)))
    suite.set("errors", str(sum(case.find("error") is not None for case in suite)))
    suite.set("skipped", "0")
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
    SubElement(case, "system-out").text = f"{summary(verdict)}, {verdict.counts.examined} examined"


def _report(case: Element, change: Change, group: Group, short: str) -> None:
    lines = "\n".join(block(change, group, short))
    if group.name in _FAILING:
        message = f"{group.noun}: {cut(change.kind)} {cut(change.path, 200)}"
        SubElement(case, "failure", type=cut(change.kind), message=message).text = lines
        return
    output = case.find("system-out")
    if output is None:
        output = SubElement(case, "system-out")
    output.text = f"{output.text}\n\n{lines}" if output.text else lines
