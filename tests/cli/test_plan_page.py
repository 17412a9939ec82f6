"""The page that convoy plan writes: whole, alone, and safe whatever a model's strings are."""

import html.parser
import json
import pathlib
import re
import shutil
import subprocess

import pytest

VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(html.parser.HTMLParser):
    """Elements in order, the text of scripts, and whether every end tag fits its start."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.scripts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


@pytest.fixture
def page(convoy, block_model, tmp_path):
    path = tmp_path / "plan.html"
    result = convoy("plan", block_model, "--objective", "bytes", "--html", path)
    assert result.status == 0, result.err
    return path


def test_the_page_is_well_formed_and_needs_nothing_else(page):
    text = page.read_text()
    seen = Page(text).seen
    assert text.startswith("<!doctype html>") and "{{" not in text.split("<script>")[-1]
    assert not any(tag in ("link", "img", "iframe", "object", "embed") for tag, _ in seen)
    assert not any({"src", "href", "srcset", "style"} & set(attributes) for _, attributes in seen)
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)", text)
    policy = next(a["content"] for _, a in seen if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "prefers-color-scheme: dark" in text and "@media print" in text


def test_names_of_the_model_are_data_and_no_markup(page, convoy, block_model):
    text = page.read_text()
    data, program = Page(text).scripts  # a name that closes or opens one would make three
    assert "alert(1)" in data and "<" not in data and "alert(1)" not in text.replace(data, "")
    plan = json.loads(data)
    assert any("<script>alert(1)</script>&\"'" in m["node"] for s in plan["steps"] for m in s["members"])
    # What the script makes of them is text: nothing in it parses markup or code.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|DOMParser", program)
    told = json.loads(convoy("plan", block_model, "--objective", "bytes", "--json", "-").out)
    for answer in (plan, told):
        answer.pop("passes")  # their times differ
    assert plan == told


def test_a_file_that_cannot_be_written_is_refused(convoy, small_model, tmp_path):
    result = convoy("plan", small_model, "--html", tmp_path / "no" / "plan.html")
    assert result.status == 1 and "plan.html" in result.err


def test_a_browser_draws_every_step(page):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        pytest.skip("no browser here")
    drawn = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", page.as_uri()],
                           capture_output=True, text=True, timeout=120, check=True).stdout
    data = json.loads(Page(page.read_text()).scripts[0])
    body = drawn.split("<script", 1)[0]
    assert [int(s) for s in re.findall(r'id="step-(\d+)"', body)] == list(range(len(data["steps"])))
    assert len(re.findall(r'class="piece ', body)) == len(data["arena"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body and "<script" not in body
    assert pathlib.Path(data["model"]).name in body
