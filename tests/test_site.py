"""The documentation's site: what is checked when it is built. The gate builds it, strictly."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.fixture
def site_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "site")
    monkeypatch.delitem(sys.modules, "links", raising=False)


def test_every_page_is_in_the_navigation():
    nav = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert pages - nav == set()


def test_what_leads_nowhere_or_is_fetched_from_elsewhere_is_told(tmp_path, site_modules):
    from links import broken

    (tmp_path / "a").mkdir()
    (tmp_path / "a/b.html").write_text('<h2 id="here">b</h2><a href="../index.html#top">up</a>')
    (tmp_path / "index.html").write_text(
        '<h1 id="top">a</h1><a href="a/b.html#here">b</a><a href="#top">up</a>'
        '<a href="https://example.org">out</a><img src="data:,">'
    )
    assert list(broken(tmp_path)) == []
    (tmp_path / "index.html").write_text(
        '<a href="a/c.html">c</a><a href="a/b.html#there">b</a><a href="a">folder</a>'
        '<script src="https://example.org/x.js"></script>'
    )
    assert list(broken(tmp_path)) == [
        "a/b.html: no anchor ../index.html#top",
        "index.html: no page a",
        "index.html: no anchor a/b.html#there",
        "index.html: no page a/c.html",
        "index.html: fetches https://example.org/x.js",
    ]
