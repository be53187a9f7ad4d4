"""Every checksum of a cache, computed again."""

from __future__ import annotations

from pathlib import Path

from slp_core.corpus import Progress
from slp_core.errors import UserError
from slp_core.files import content_hash
from slp_encoders.extraction.shards import Shard, read_record


def verify(folder: Path, progress: Progress | None = None) -> list[str]:
    """What has changed since it was written, one line each; nothing if all is well."""
    records = sorted(folder.glob("*.json"))
    found: list[str] = []
    for done, record in enumerate(records, start=1):
        try:
            found += _verify_shard(read_record(record))
        except UserError as error:
            found.append(str(error))
        except FileNotFoundError:
            pass  # put into a larger shard meanwhile
        if progress is not None:
            progress(done, len(records))
    return found


def _verify_shard(shard: Shard) -> list[str]:
    if not shard.file.is_file():
        gone = shard.record.is_file()  # else it was put into a larger one meanwhile
        return [f"{shard.file}: is not there, its record is"] if gone else []
    if content_hash(shard.file) == shard.sha256:
        return []
    return [f"{shard.file}: has changed since it was written: {_which(shard)}"]


def _which(shard: Shard) -> str:
    """The clips whose numbers have changed."""
    from safetensors import SafetensorError, safe_open

    from slp_encoders.extraction.store import named, numbers_hash

    changed = []
    try:
        with safe_open(shard.file, framework="pt") as file:
            for key, clip in shard.clips.items():
                if numbers_hash(file.get_tensor(key)) != clip.sha256:
                    changed.append(named(clip))
    except SafetensorError as error:
        return f"its header: {error}"
    return "; ".join(changed) or "its header"
