"""On which line of a TOML file a key path stands. ``tomllib`` does not say."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_WORD = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def key_lines(text: str) -> dict[str, int]:
    """Map every written key path (``stages.0.train``) to its line, counted from 1.

    Keys of inline tables are not listed: they stand on their parent's line, or near it.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    depth = 0  # inside a bracket or a long string that began on an earlier line
    quote = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not quote and depth == 0:
            if header := _HEADER.match(line):
                table = _table(header[1], _words(header[2]), counts)
                lines.setdefault(table, number)
                continue
            if key := _KEY.match(line):
                path = ".".join([*filter(None, [table]), *_words(key[1])])
                lines.setdefault(path, number)
        depth, quote = _scan(line, depth, quote)
    return lines


def line_of(lines: dict[str, int], key: str) -> int | None:
    """The line of a key path, or of the nearest path above it that is written."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _words(dotted: str) -> list[str]:
    return [word.strip("\"'") for word in _WORD.findall(dotted)]


def _table(bracket: str, words: list[str], counts: dict[str, int]) -> str:
    path = ""
    for place, word in enumerate(words):
        path = f"{path}.{word}" if path else word
        last = place == len(words) - 1
        if bracket == "[[" and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = f"{path}.{counts[path]}"
    return path


def _scan(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Follow brackets and strings to the end of a line."""
    place = 0
    while place < len(line):
        if quote:
            end = line.find(quote, place)
            if end < 0:
                return depth, quote if len(quote) == 3 else ""
            place, quote = end + len(quote), ""
            continue
        char = line[place]
        if char == "#":
            break
        if char in "\"'":
            quote = char * 3 if line.startswith(char * 3, place) else char
            place += len(quote)
            if len(quote) == 1:
                place = _close(line, place, char)
                quote = ""
            continue
        depth += (char in "[{") - (char in "]}")
        place += 1
    return max(depth, 0), quote


def _close(line: str, place: int, char: str) -> int:
    while place < len(line) and line[place] != char:
        place += 2 if char == '"' and line[place] == "\\" else 1
    return place + 1
