"""Files that appear whole or not at all, and names that stand for their content."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from slp_core.errors import UserError

#: Error numbers of a full disk and of a used-up quota, what they are called, and what libraries say
#: that tell neither: numpy of a short write, torch of an archive that it cannot go on with.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID_OF_FULL = re.compile(
    "|".join(re.escape(os.strerror(number)) for number in _FULL)
    + r"|\d+ requested and \d+ written|PytorchStreamWriter failed writing"
    + r"|inline_container.* unexpected pos \d+ vs \d+"
)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, or one that it came of, says that there is no room to write to."""
    number = error.errno if isinstance(error, OSError) else None
    if number in _FULL or _SAID_OF_FULL.search(str(error)):
        return True
    before = error.__cause__ or error.__context__
    return before is not None and disk_is_full(before)


def full_disk_message(place: Path | str) -> str:
    """What the user is told of a write to ``place`` that found no room."""
    return (
        f"{place}: cannot be written: the disk is full, or your quota of it; make room and give "
        "the command again (training goes on where it was)"
    )


@contextmanager
def tells_full_disk(place: Path) -> Iterator[None]:
    """Raise a UserError that names ``place`` where the disk is full, however a library says so."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # each library has its own word for it
        if disk_is_full(error):
            raise UserError(full_disk_message(place)) from error
        raise


@contextmanager
def _can_be_written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{path}: cannot be written: {why}; choose another place") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes its place only if nothing failed.

    Raises:
        UserError: nothing can be written there, or not all of it.
    """
    path = Path(path)
    with _can_be_written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        with tells_full_disk(path):
            yield beside
            beside.chmod(0o644)
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside ``path`` to fill; it replaces ``path`` only if nothing failed.

    Raises:
        UserError: nothing can be written there, or not all of it.
    """
    path = Path(path)
    with _can_be_written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    beside.chmod(0o755)
    try:
        with tells_full_disk(path):
            yield beside
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            path.rename(old / path.name)
            beside.rename(path)
            shutil.rmtree(old)
        else:
            beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, UTF-8 with plain line feeds."""
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def read_text(path: Path) -> str:
    """Read a text file, without the mark that some editors put in front.

    Raises:
        UserError: it is not UTF-8, or cannot be read; but FileNotFoundError if it is not there.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; a file is expected") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error


def content_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex; of a folder, of the names and hashes of its files,
    hidden ones aside."""
    path = Path(path)
    if path.is_dir():
        listed = "".join(f"{content_hash(file)}  {file.name}\n" for file in _files(path))
        return hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remembered_hash(path: Path) -> str:
    """:func:`content_hash`, computed again in this process only if a file's size or time of change
    is another."""
    path = Path(path)
    stats = [(one.name, one.stat()) for one in (_files(path) if path.is_dir() else [path])]
    return _hash(path, tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats))


@cache
def _hash(path: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    return content_hash(path)


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("[!.]*") if file.is_file())
