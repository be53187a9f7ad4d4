"""``annotations/manual/PHOENIX-2014-T.{train,dev,test}.corpus.csv``, delimited by ``|``."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_encoders.corpora.tables import read_table, relative, write_split

SPLITS = {"train": "train", "validation": "dev", "test": "test"}
COLUMNS = ("name", "speaker", "orth", "translation")


class Phoenix14T(Corpus):
    """Columns ``id video text gloss signer language sign_language``; a video is a folder of
    frames."""

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        source = Path(self.config.source)
        made = {}
        for split, official in SPLITS.items():
            table = source / f"annotations/manual/PHOENIX-2014-T.{official}.corpus.csv"
            frames = source / self.config.frames / official
            rows = [
                {
                    "id": row["name"],
                    "video": relative(frames / row["name"], folder),
                    "text": row["translation"],
                    "gloss": row["orth"],
                    "signer": row["speaker"],
                    "language": "de",
                    "sign_language": "gsg",
                }
                for row in read_table(table, "|", COLUMNS)
            ]
            made[split] = write_split(folder, split, rows)
        return made
