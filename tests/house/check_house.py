#!/usr/bin/env python3
"""The rules of the house, read off the sources: which folder may include which, how long a file may
be, what is left unfinished, and that the library never prints or ends the process."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ["src", "include", "cli", "bench", "tests", "docs", "examples", "python", "tools"]
SUFFIXES = {".h", ".hpp", ".cc", ".c", ".cpp", ".cu", ".cuh", ".py", ".md", ".txt", ".cmake", ".html", ".css",
            ".js"}
MAX_LINES = 600

# Folder of src/ -> what its sources may include beside themselves: a folder, or one header of it.
ARROWS = {
    "base": [],
    "graph": ["base"],
    "onnx": ["base", "graph"],
    "passes": ["base", "graph", "kernels/registry.h"],
    "device": ["base"],
    "cost": ["base", "device"],
    "cuda": ["base", "device"],
    "kernels": ["base", "device", "cost", "cuda"],
    "plan": ["base", "graph", "device", "cost", "kernels/registry.h"],
    "exec": ["base", "graph", "passes", "device", "cost", "kernels", "plan", "onnx",
             "cuda"],
}
# Folders at the end of the way, which may include everything.
ENDS = {"api", "c_api"}

UNFINISHED = re.compile("TO" + "DO|FIX" + "ME")
PRINTS_OR_EXITS = re.compile(
    r"\b(?:printf|fprintf|vprintf|puts|fputs|putchar|abort|exit|_Exit|quick_exit)\s*\(|"
    r"std::(?:cout|cerr|clog)\b")


def is_test(path):
    return re.search(r"_(test|bench)\.cc$", path.name) or path.name.endswith("_test.h")


def files(folders, suffixes):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            data = path.is_relative_to(ROOT / "tests" / "data")
            if path.suffix in suffixes and path.is_file() and not data:
                yield path


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if found:
            yield number, found.group(1)


def tests_and_their_headers():
    """Tests, and the headers that tests alone include."""
    tests, others = set(), set()
    sources = list(files(["src"], {".h", ".cc"}))
    for path in sources:
        (tests if is_test(path) else others).update(target for _, target in includes(path))
    return {path for path in sources
            if is_test(path) or str(path.relative_to(ROOT / "src")) in tests - others}


def wrong_arrows(path):
    folder = path.relative_to(ROOT / "src").parts[0]
    if folder in ENDS:
        return
    if folder not in ARROWS:
        yield 1, f"src/{folder} has no place among the arrows of tests/house/check_house.py"
        return
    allowed = ARROWS[folder] + [folder]
    for number, target in includes(path):
        if target.startswith("convoy/"):  # the public headers
            continue
        if target.split("/")[0] not in allowed and target not in allowed:
            yield number, f'"{target}" may not be included from src/{folder}'


def complaints():
    tests = tests_and_their_headers()
    for path in files(["src"], {".h", ".cc"}):
        if path in tests:
            continue
        for number, message in wrong_arrows(path):
            yield path, number, message
        for number, line in enumerate(without_comments(path.read_text()).splitlines(), 1):
            if PRINTS_OR_EXITS.search(line):
                yield path, number, f"the library prints or exits: {line.strip()}"
    for path in files(FOLDERS, SUFFIXES):
        lines = path.read_text().splitlines()
        if len(lines) > MAX_LINES:
            yield path, len(lines), f"{len(lines)} lines, more than {MAX_LINES}"
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                yield path, number, "unfinished work is not marked in the sources"


def main():
    found = list(complaints())
    for path, number, message in found:
        print(f"{path.relative_to(ROOT)}:{number}: {message}")
    count = sum(1 for _ in files(["src"], {".h", ".cc"}))
    if count < 10:  # looking in the wrong place must not pass
        print(f"only {count} sources found under {ROOT}/src")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
