"""What a model answered, on disk: nobody asks a large model the same thing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from slp_core.errors import UserError


class Answers:
    """Answers by question, in a file of JSON lines, each written as soon as it is given.

    ``asked`` tells what an answer depends on beside the question (model, prompt): another file of
    the folder for every other. A kill loses the answer in hand only, for a last line without its
    end is cut off. One process writes.

    Raises:
        UserError: the file holds a line that is no answer.
    """

    def __init__(self, folder: Path, asked: Mapping[str, str | int]) -> None:
        header = json.dumps(dict(asked), ensure_ascii=False, sort_keys=True)
        self.file = folder / f"{hashlib.sha256(header.encode()).hexdigest()[:16]}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+b") as stream:
            stream.seek(0)
            content = stream.read()
            whole = content.rfind(b"\n") + 1
            stream.truncate(whole)
            if not whole:
                stream.write(f"{header}\n".encode())
        self._given: dict[str, str] = {}
        for number, line in enumerate(content[:whole].splitlines()[1:], start=2):
            try:
                question, answer = json.loads(line)
            except ValueError as error:
                raise UserError(f"{self.file}:{number}: is no answer; delete the line") from error
            self._given[question] = answer

    def __contains__(self, question: str) -> bool:
        return question in self._given

    def __getitem__(self, question: str) -> str:
        return self._given[question]

    def give(self, question: str, answer: str) -> None:
        """Keep an answer."""
        line = json.dumps([question, answer], ensure_ascii=False)
        with self.file.open("ab") as stream:
            stream.write(f"{line}\n".encode())
        self._given[question] = answer
