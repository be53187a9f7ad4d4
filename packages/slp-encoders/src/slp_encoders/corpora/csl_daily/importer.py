"""``sentence_label/video_map.txt`` and ``sentence_label/split_1.txt``, delimited by ``|``.

The release also holds the annotation as a pickle, which is not read: unpickling runs code.
"""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.errors import UserError
from slp_encoders.corpora.tables import read_table, relative, write_split

SPLITS = {"train": "train", "validation": "dev", "test": "test"}


class CSLDaily(Corpus):
    """Columns ``id video text gloss words signer language sign_language``; a video is a folder
    of frames.

    The text is the sentence without the blanks the annotation puts between characters.
    """

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        source = Path(self.config.source)
        labels = source / "sentence_label"
        table = read_table(labels / "video_map.txt", "|", ("name", "gloss", "char", "word"))
        split_file = labels / "split_1.txt"
        splits = {
            row["name"]: row["split"] for row in read_table(split_file, "|", ("name", "split"))
        }
        made: dict[str, list[dict[str, str]]] = {split: [] for split in SPLITS}
        split_of = {official: split for split, official in SPLITS.items()}
        for row in table:
            official = splits.get(row["name"])
            if official is None:  # the release lists a few recordings that no split uses
                continue
            if official not in split_of:
                raise UserError(f"{split_file}: {row['name']}: there is no split {official!r}")
            made[split_of[official]].append(self._row(row, source, folder))
        return {split: write_split(folder, split, rows) for split, rows in made.items()}

    def _row(self, row: dict[str, str], source: Path, folder: Path) -> dict[str, str]:
        # Names are S<sentence>_P<signer>_T<take>.
        signer = next((word for word in row["name"].split("_") if word.startswith("P")), "")
        return {
            "id": row["name"],
            "video": relative(source / self.config.frames / row["name"], folder),
            "text": "".join(row["char"].split()),
            "gloss": row["gloss"],
            "words": row["word"],
            "signer": signer,
            "language": "zh",
            "sign_language": "csl",
        }
