#!/usr/bin/env python3
"""Documentation is tested: links and paths lead somewhere, commands have the flags shown, programs
compile, and excerpts (blocks marked ```c++ FILE) are still in the file they name."""

import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOP = "src include cli bench tests docs examples python tools".split()
COMMANDS = ("convoy", "convoy-bench")


def documents():
    yield from sorted(ROOT.glob("*.md"))
    for folder in TOP:
        yield from sorted((ROOT / folder).rglob("*.md"))


def blocks(text):
    """(line, language, rest of the opening line, contents) of every fenced block."""
    pattern = re.compile(r"^```([\w+-]*)[ \t]*([^\n]*)\n(.*?)^```[ \t]*$", re.M | re.S)
    for block in pattern.finditer(text):
        yield text.count("\n", 0, block.start()) + 1, *block.groups()


def prose(text):
    return re.sub(r"^```.*?^```[ \t]*$", lambda m: "\n" * m.group().count("\n"), text,
                  flags=re.M | re.S)


def check_links(document, text):
    for link in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", prose(text)):
        target = link.group(1).split("#")[0]
        if not target or re.match(r"[a-z]+:", target):
            continue
        if not (document.parent / target).exists():
            yield text.count("\n", 0, link.start()) + 1, f"the link {target} leads nowhere"


def check_paths(document, text):
    for word in re.finditer(r"`(\.?[\w./*+-]+)`", prose(text)):
        path = word.group(1)
        is_path = path.split("/")[0] in TOP and "/" in path or re.fullmatch(r"\./\w+", path)
        if not is_path:
            continue
        found = list(ROOT.glob(path.removeprefix("./").rstrip("/")))
        if not found:
            yield prose(text).count("\n", 0, word.start()) + 1, f"{path} does not exist"


def check_excerpts(document, text):
    squeeze = lambda s: re.sub(r"\s+", " ", s).strip()
    for line, language, rest, contents in blocks(text):
        if language != "c++" or not rest:
            continue
        source = ROOT / rest.strip()
        if not source.is_file():
            yield line, f"{rest} does not exist"
        elif squeeze(contents) not in squeeze(source.read_text()):
            yield line, f"the excerpt is no longer in {rest}"


class Helps:
    """The help texts of the commands, each asked for once."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.texts = {}

    def of(self, words):
        key = tuple(words)
        if key not in self.texts:
            program = self.folder / words[0]
            answer = subprocess.run([program, *words[1:], "--help"], capture_output=True, text=True)
            self.texts[key] = answer.stdout if answer.returncode == 0 else None
        return self.texts[key]


def check_commands(document, text, helps):
    for line, language, _, contents in blocks(text):
        if language != "console":
            continue
        for offset, command in enumerate(contents.splitlines(), 1):
            words = shlex.split(command.removeprefix("$ "), comments=True)
            if not words or pathlib.Path(words[0]).name not in COMMANDS:
                continue
            words[0] = pathlib.Path(words[0]).name
            if len(words) > 1 and not words[1].startswith("-"):
                asked = words[:2]
            else:
                asked = words[:1]
            help_text = helps.of(asked)
            if help_text is None:
                yield line + offset, f"`{' '.join(asked)} --help` fails"
                continue
            for flag in (w.split("=")[0] for w in words[len(asked):] if re.match(r"--?[a-z]", w)):
                if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", help_text):
                    yield line + offset, f"`{' '.join(asked)}` has no {flag}"


def check_programs(document, text, compiler):
    for line, language, _, contents in blocks(text):
        if language not in ("cpp", "c"):
            continue
        standard = {"cpp": ["-xc++", "-std=c++20"], "c": ["-xc", "-std=c11"]}[language]
        with tempfile.NamedTemporaryFile("w", suffix="." + language) as file:
            file.write(contents)
            file.flush()
            answer = subprocess.run(
                [compiler, *standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                 f"-I{ROOT}/include", file.name], capture_output=True, text=True)
        if answer.returncode != 0:
            yield line, "the program does not compile:\n" + answer.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", help="folder of convoy and convoy-bench; else commands are skipped")
    parser.add_argument("--compiler", default="c++")
    options = parser.parse_args()
    failures = seen = 0
    helps = Helps(options.bin) if options.bin else None
    for document in documents():
        text = document.read_text()
        seen += 1
        found = [*check_links(document, text), *check_paths(document, text),
                 *check_excerpts(document, text), *check_programs(document, text, options.compiler)]
        if helps:
            found += check_commands(document, text, helps)
        for line, message in found:
            print(f"{document.relative_to(ROOT)}:{line}: {message}")
        failures += len(found)
    if seen < 3:  # looking in the wrong place must not pass
        print(f"only {seen} documents found under {ROOT}")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
