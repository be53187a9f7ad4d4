"""Descriptions of signing, stored as features with what they say and what made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from slp_core.annotator import Annotator
from slp_core.context import Context
from slp_core.corpus import Progress
from slp_core.errors import UserError, did_you_mean
from slp_core.files import remembered_hash, whole_file, write_text
from slp_core.manifest import Row
from slp_core.signals import SignalError
from slp_llm.annotators.answers import Answers
from slp_llm.annotators.sign_description.describers import Describer, FilmDescriber, PoseDescriber
from slp_llm.annotators.sign_description.embedding import Embedding, TextEncoder, Words
from slp_llm.annotators.sign_description.spec import SignDescriptionConfig


class SignDescription(Annotator):
    """A file of features for every film (MMSLT, arXiv:2411.16789, section 3.2): ``t d`` float32,
    a row a frame, as many a second as the film has, so that they keep step with its frames. MMSLT
    describes each frame; here one of ``every``, whose description holds until the next.

    Films are described whole; the span of a row is cut out by who reads the features. In
    the folder, each film has one of its own, named by its content::

        <name>-<hash>/<hash>.jsonl     a line a frame: its number, its description
        <name>-<hash>/<hash>.npy       the features
        <name>-<hash>/<hash>.json      what they were made of, by whom

    A kill loses the description in hand.
    """

    config: SignDescriptionConfig

    def __init__(self, config: SignDescriptionConfig, context: Context = Context()) -> None:  # noqa: B008
        super().__init__(config, context)
        self.columns = self.files = (config.column,)
        self.signal = config.signal or ("video" if config.model else "pose")
        self.describer: Describer = FilmDescriber(config) if config.model else PoseDescriber()
        words = config.embed == "words"
        self.embedding: Embedding = Words() if words else TextEncoder(config.embed, config.batch)

    def annotate(
        self, rows: Sequence[Row], folder: Path, progress: Progress | None = None
    ) -> Iterator[dict[str, str]]:
        """Raises:
        UserError: a row has no such column or file, or its file cannot be read.
        """
        sources = [self._source(row) for row in rows]
        made: dict[Path, Path] = {}
        for done, (row, source) in enumerate(zip(rows, sources, strict=True), start=1):
            if source not in made:
                try:
                    made[source] = self._features(source, folder)
                except SignalError as error:
                    raise UserError(f"{row.where}: {self.signal}: {error}") from error
            if progress is not None:
                progress(done, len(rows))
            yield {self.config.column: str(made[source])}

    def provenance(self) -> dict[str, str]:
        return self.describer.provenance()

    def _source(self, row: Row) -> Path:
        if not row.get(self.signal):
            hint = did_you_mean(self.signal, row.fields)
            said = "is empty" if self.signal in row.fields else f"there is no such column{hint}"
            raise UserError(f"{row.where}: {self.signal}: {said}")
        source = row.path(self.signal)
        if not source.exists():
            raise UserError(f"{row.where}: {self.signal}: {source}: there is no such file")
        return source

    def _features(self, source: Path, folder: Path) -> Path:
        """The features of a film, made if they are not there."""
        import numpy as np

        content, describer = remembered_hash(source), self.describer.identity
        home = folder / f"{source.stem}-{content[:16]}"
        asked = {**describer, "every": self.config.every, "embed": self.embedding.identity}
        file = home / f"{_hash(asked)}.npy"
        if file.is_file():
            return file
        signal = self.describer.read(source)
        frames = range(0, len(signal.values), self.config.every)
        answers = Answers(home, describer)
        missing = [frame for frame in frames if str(frame) not in answers]
        for frame, said in zip(missing, self.describer.describe(signal, missing), strict=True):
            answers.give(str(frame), said)
        vectors = self.embedding.embed([answers[str(frame)] for frame in frames])  # (n, d)
        held = vectors.repeat(self.config.every, axis=0)[: len(signal.values)]  # (t, d)
        facts: dict[str, Any] = {
            "source": source.name, "sha256": content, **asked, "frames": len(held),
            "rate": signal.rate, "width": held.shape[1], "descriptions": answers.file.name,
            "provenance": self.describer.provenance(),
        }  # fmt: skip
        write_text(
            file.with_suffix(".json"), json.dumps(facts, ensure_ascii=False, indent=1) + "\n"
        )
        with whole_file(file) as beside, beside.open("wb") as stream:
            np.save(stream, held.astype(np.float32), allow_pickle=False)
        return file


def _hash(facts: dict[str, str | int]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
