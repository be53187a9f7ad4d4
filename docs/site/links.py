"""What is wrong with the links of a built site."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of a page, where it leads, and what it fetches when it is opened."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value for name, value in attributes if value}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.add(said["href"])
        elif tag != "a":
            self.fetched |= {said[name] for name in ("src", "href") if name in said}


def broken(site: Path) -> Iterator[str]:
    """Links and anchors that lead nowhere, and everything fetched from another host."""
    pages = {file: Page(file) for file in sorted(site.rglob("*.html")) if file.stem != "404"}
    for file, page in pages.items():
        for url in sorted(page.links | page.fetched):
            parts = urlsplit(url)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if url in page.fetched:
                    yield f"{file.relative_to(site)}: fetches {url}"
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not target.is_file():
                yield f"{file.relative_to(site)}: no page {url}"
            elif target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{file.relative_to(site)}: no anchor {url}"
