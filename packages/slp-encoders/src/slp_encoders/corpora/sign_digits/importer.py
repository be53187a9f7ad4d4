"""Ten folders of photos, ``0/IMG_1118.JPG`` (Sign Language Digits, Mavi 2020)."""

from __future__ import annotations

from operator import itemgetter
from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.errors import UserError
from slp_encoders.corpora.tables import relative, write_split

SPLITS = ("train", "validation", "test")


class SignDigits(Corpus):
    """Columns ``id image text``. The files of a class in the order of their names: the last tenth
    is the test split, the last tenth of what remains the validation split.

    In each split the classes take turns, so that rows which are neighbours are not all of one.
    """

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        rows: dict[str, list[tuple[int, dict[str, str]]]] = {split: [] for split in SPLITS}
        for digit in map(str, range(10)):
            photos = _photos(Path(self.config.source) / digit)
            test = len(photos) - len(photos) // 10
            validation = test - test // 10
            for number, photo in enumerate(photos):
                split = SPLITS[(number >= validation) + (number >= test)]
                image = relative(photo, folder)
                row = {"id": f"{digit}/{photo.stem}", "image": image, "text": digit}
                rows[split].append((number, row))
        return {
            split: write_split(folder, split, (row for _, row in sorted(some, key=itemgetter(0))))
            for split, some in rows.items()
        }


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; the photos of a digit are expected")
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if len(photos) < 11:
        raise UserError(f"{folder}: {len(photos)} photos; at least 11 make three splits")
    return photos
