#!/usr/bin/env python3
"""Adds up the test reports that ./check leaves: GoogleTest and pytest XML, and CTest's own for the rest.

    summarize_tests.py REPORTS

Prints a line per stage, why tests were skipped, and the total; exits 1 when a test failed, when a
stage ran nothing, or when there is no report.
"""

import collections
import pathlib
import sys
import xml.etree.ElementTree as ET


def cases(path):
    """Yields (suite, name, outcome, message) of one report."""
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failure = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if failure is not None or case.get("status") == "fail":
            yield name, "failed", failure.get("message", "") if failure is not None else ""
        elif skipped is not None or case.get("status") in ("notrun", "disabled"):
            yield name, "skipped", skipped.get("message", "") if skipped is not None else "disabled"
        else:
            yield name, "passed", ""


def stage_results(stage):
    """Counts a stage; CTest entries that left a report of their own are counted by its cases."""
    detailed = {p.stem: p for p in stage.glob("*.xml") if p.name != "ctest.xml"}
    for path in detailed.values():
        yield from cases(path)
    overview = stage / "ctest.xml"
    if overview.exists():
        for name, outcome, message in cases(overview):
            test = name.rsplit(".", 1)[-1]
            # A test that crashed leaves no report, or an old one: its own line says so.
            if test not in detailed or outcome == "failed":
                yield test, outcome, message


def main():
    total, reasons, failures = collections.Counter(), collections.Counter(), []
    stages = sorted(p for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_dir())
    for stage in stages:
        count = collections.Counter()
        for name, outcome, message in stage_results(stage):
            count[outcome] += 1
            if outcome == "skipped":
                reasons[(message or "no reason given").strip().split("\n")[-1]] += 1
            if outcome == "failed":
                failures.append(f"{stage.name}: {name}")
        print(f"{stage.name:10} {count['passed']} passed, {count['failed']} failed, "
              f"{count['skipped']} skipped")
        if not count:
            failures.append(f"{stage.name}: ran no test")
        total += count
    for reason, count in reasons.most_common():
        print(f"skipped    {count}: {reason}")
    for failure in failures:
        print(f"FAILED     {failure}")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    sys.exit(1 if failures or not stages else 0)


if __name__ == "__main__":
    main()
