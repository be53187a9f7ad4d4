"""Where uploads lie while they are translated: nowhere else, and not for longer."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for all that is uploaded, and in it one, which is given, for what is made of that
    (estimated poses), while the page is shown. To be opened before Gradio is imported."""
    with tempfile.TemporaryDirectory(prefix="slp-serve-") as folder:
        tempfile.tempdir, cache = folder, Path(folder) / "cache"
        os.environ |= {"GRADIO_TEMP_DIR": folder, "SLP_CACHE": str(cache)}
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # nothing stays, however it ends
        yield cache
