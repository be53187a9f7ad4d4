"""``index.tsv``: ``path language letter frames fps``, delimited by tabs."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.errors import UserError, did_you_mean
from slp_encoders.corpora.tables import read_table, relative, write_split


class Fingerspelling(Corpus):
    """Columns ``id pose text language signer``; one language is the test split.

    There is about one signer a language, so that a language held out is a signer held out.
    There is no validation split: train for a fixed number of epochs.
    """

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        source, held = Path(self.config.source), self.config.hold_out
        table = read_table(source / "index.tsv", "\t", ("path", "language", "letter"))
        languages = {row["language"] for row in table}
        if held not in languages:
            raise UserError(
                f'{source / "index.tsv"}: there is no language "{held}"'
                f"{did_you_mean(held, languages)}"
            )
        rows = [
            {
                "id": row["path"].removesuffix(".pose"),
                "pose": relative(source / row["path"], folder),
                "text": row["letter"],
                "language": row["language"],
                "signer": row["language"],
            }
            for row in table
        ]
        return {
            "train": write_split(folder, "train", (r for r in rows if r["language"] != held)),
            "test": write_split(folder, "test", (r for r in rows if r["language"] == held)),
        }
