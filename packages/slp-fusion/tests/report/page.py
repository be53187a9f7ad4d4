"""A section of the report as a test reads it."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Fails on tags that are not closed in order; keeps texts and tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.text, self.tags = list[str](), "", list[tuple[str, dict]]()
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
