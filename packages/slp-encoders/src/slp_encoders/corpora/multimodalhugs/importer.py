"""``signal signal_start signal_end encoder_prompt decoder_prompt output``, delimited by tabs.

These tables load as manifests unchanged; importing them names the signal's column for what it
holds and makes paths relative to the new manifest.
"""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Corpus, Progress
from slp_core.manifest import Row, read_manifest
from slp_encoders.corpora.tables import relative, write_split

#: Signals that are the field itself, not a path.
WRITTEN = ("text", "pixel-text", "signwriting")


class MultimodalHugs(Corpus):
    """Columns ``id <signal> start end encoder_prompt decoder_prompt text``."""

    def make(self, folder: Path, progress: Progress | None = None) -> dict[str, Path]:
        made = {}
        for split in ("train", "validation", "test"):
            manifest = read_manifest(Path(self.config.source) / getattr(self.config, split))
            made[split] = write_split(folder, split, [self._row(row, folder) for row in manifest])
        return made

    def _row(self, row: Row, folder: Path) -> dict[str, str]:
        written = self.config.signal in WRITTEN
        signal = row.get("signal") if written else relative(row.path("signal"), folder)
        # A written signal that is the source text must not take the place of the target.
        column = "source_text" if self.config.signal == "text" else self.config.signal
        return {
            "id": f"{row.file.stem}-{row.line}",
            column: signal,
            "start": row.get("start") or "0",
            "end": row.get("end") or "0",
            "encoder_prompt": row.get("encoder_prompt"),
            "decoder_prompt": row.get("decoder_prompt"),
            "text": row.get("text"),
        }
