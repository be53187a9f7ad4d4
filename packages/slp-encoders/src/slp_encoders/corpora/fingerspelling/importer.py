"""``index.tsv``: ``path language letter frames fps``, delimited by tabs."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.errors import UserError, did_you_mean
from slp_core.files import whole_folder
from slp_encoders.corpora.fingerspelling import words
from slp_encoders.corpora.fingerspelling.spec import JoinConfig
from slp_encoders.corpora.tables import read_table, relative, write_split

Rows = list[dict[str, str]]


class Fingerspelling(Corpus):
    """Columns ``id pose text language signer``; one language is the test split, another the
    validation split where one is named: without one, train for a fixed number of epochs.

    There is about one signer a language, so that a language held out is a signer held out.

    With ``join`` the texts are random words and the poses are joined from their letters' clips
    (:mod:`slp_encoders.corpora.fingerspelling.words`). Columns ``letters``, the word again in
    upper case, and ``clips``, what was joined, come on top.
    """

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        table, join = self._table(), self.config.join
        held = {"validation": self.config.validation, "test": self.config.hold_out}
        splits = {"train": [row for row in table if row["language"] not in held.values()]}
        splits |= {
            split: [row for row in table if row["language"] == language]
            for split, language in held.items()
            if language is not None
        }
        made = (
            self._letters(splits, folder)
            if join is None
            else self._words(splits, folder, join, progress or (lambda done, total: None))
        )
        return {split: write_split(folder, split, rows) for split, rows in made.items()}

    def _table(self) -> Rows:
        """The clips, and a check that the languages which are held out are among theirs."""
        index = Path(self.config.source) / "index.tsv"
        table = read_table(index, "\t", ("path", "language", "letter"))
        languages = {row["language"] for row in table}
        for held in (self.config.hold_out, self.config.validation):
            if held is not None and held not in languages:
                raise UserError(
                    f'{index}: there is no language "{held}"{did_you_mean(held, languages)}'
                )
        return table

    def _letters(self, splits: dict[str, Rows], folder: Path) -> dict[str, Rows]:
        source = Path(self.config.source)
        return {
            split: [
                {
                    "id": row["path"].removesuffix(".pose"),
                    "pose": relative(source / row["path"], folder),
                    "text": row["letter"],
                    "language": row["language"],
                    "signer": row["language"],
                }
                for row in rows
            ]
            for split, rows in splits.items()
        }

    def _words(
        self, splits: dict[str, Rows], folder: Path, join: JoinConfig, progress: Progress
    ) -> dict[str, Rows]:
        """Write the poses of all splits into ``folder/words``, there entirely or not at all."""
        sizes = {split: join.words if split == "train" else join.test_words for split in splits}
        made: dict[str, Rows] = {}
        done, total = 0, sum(sizes.values())
        with whole_folder(folder / "words") as beside:
            for split, rows in splits.items():
                made[split] = []
                source = Path(self.config.source)
                for word in words.spelled(source, rows, split, sizes[split], join):
                    name = f"{split}-{len(made[split]):05}"
                    words.write(beside / f"{name}.pose", word.hand)
                    made[split].append(
                        {
                            "id": name,
                            "pose": f"words/{name}.pose",
                            "text": word.letters,
                            "letters": word.letters,
                            "language": word.language,
                            "signer": word.language,
                            "clips": " ".join(word.clips),
                        }
                    )
                    done += 1
                    progress(done, total)
        return made
