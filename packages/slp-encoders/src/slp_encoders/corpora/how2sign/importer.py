"""``how2sign_realigned_{train,val,test}.csv``, delimited by tabs, times in seconds."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.errors import UserError
from slp_encoders.corpora.tables import read_table, relative, write_split

SPLITS = {"train": "train", "validation": "val", "test": "test"}
START, END = "START_REALIGNED", "END_REALIGNED"
COLUMNS = ("VIDEO_NAME", "SENTENCE_NAME", START, END, "SENTENCE")


class How2Sign(Corpus):
    """Columns ``id video start end text source signer language sign_language``."""

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        source = Path(self.config.source)
        made = {}
        for split, official in SPLITS.items():
            table = source / self.config.table.format(split=official)
            videos = source / self.config.videos.format(split=official)
            rows = [
                self._row(row, videos, folder, table) for row in read_table(table, "\t", COLUMNS)
            ]
            made[split] = write_split(folder, split, rows)
        return made

    def _row(self, row: dict[str, str], videos: Path, folder: Path, table: Path) -> dict[str, str]:
        whole = self.config.clips == "videos"
        name = row["VIDEO_NAME"] if whole else row["SENTENCE_NAME"]
        try:
            start, end = (f"{1000 * float(row[bound]):.0f}" for bound in (START, END))
        except ValueError:
            raise UserError(
                f"{table}: {row['SENTENCE_NAME']}: {row[START]!r} to {row[END]!r} are no seconds"
            ) from None
        return {
            "id": row["SENTENCE_NAME"],
            "video": relative(videos / f"{name}.mp4", folder),
            "start": start if whole else "0",
            "end": end if whole else "0",
            "text": row["SENTENCE"],
            "source": row["VIDEO_NAME"],
            # Names are <video>-<signer>-rgb_front; the signer is the number before the camera.
            "signer": row["VIDEO_NAME"].rsplit("-", 2)[-2] if "-" in row["VIDEO_NAME"] else "",
            "language": "en",
            "sign_language": "ase",
        }
