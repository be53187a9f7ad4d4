"""The Hugging Face hub: saved pipelines are fetched from it and pushed to it, and what to do about
a checkpoint that is not there is said. No torch.

Nothing that is fetched is run or unpickled: a pipeline is tables, text and safetensors, and its
parts come from installed packages alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from slp_core.errors import MissingWeights, UserError

CARD = "README.md"  #: what the hub shows of a repository
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_CHECKPOINT = re.compile(rf"{_NAME.pattern}|[A-Za-z0-9][\w.-]*")  # "gpt2" has no owner
#: What no part reads, whatever a repository holds.
_NEVER = ("*.py", "*.pkl", "*.pickle", "*.pt", "*.pth", "*.bin", "*.ckpt")


def fetch(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder of a pipeline in the hub's cache, fetched where it is not there yet.

    ``name``: ``owner/name``; ``revision``: a branch, a tag or a commit; ``files``: patterns of
    those that are fetched. Where the hub cannot be reached, what the cache holds is taken.

    Raises:
        UserError: it is no name of the hub, or the hub does not give it.
    """
    absent = f"{name}: there is no such folder"
    if not _NAME.fullmatch(name):
        raise UserError(f"{absent}, and it is no name on the Hugging Face hub (OWNER/NAME)")
    hub = _library(f"{absent}; to look on the Hugging Face hub")
    from huggingface_hub import errors

    try:
        found = hub.snapshot_download(
            name, revision=revision, allow_patterns=list(files), ignore_patterns=list(_NEVER)
        )
    except errors.GatedRepoError as error:
        why = f"access to it must be asked for at https://huggingface.co/{name}"
        raise UserError(f"{absent}; on the Hugging Face hub, {why}") from error
    except errors.RepositoryNotFoundError as error:
        why = "none of that name, or it is private (`hf auth login`)"
        raise UserError(f"{absent}; on the Hugging Face hub there is {why}") from error
    except errors.RevisionNotFoundError as error:
        why = f"has no revision {revision}"
        raise UserError(f"{absent}; that of the Hugging Face hub {why}") from error
    except errors.LocalEntryNotFoundError as error:
        why = "the Hugging Face hub cannot be reached (or HF_HUB_OFFLINE is set)"
        raise UserError(f"{absent}; {why}, and its cache has no such pipeline") from error
    except Exception as error:  # a network may fail in any way; its user is told how
        raise UserError(f"{absent}; the Hugging Face hub: {_reason(error)}") from error
    return Path(found)


def no_checkpoint(what: str, name: str, key: str, error: Exception, files: str = "") -> UserError:
    """What to raise where Transformers opens no checkpoint, with what to do about it.

    ``what`` was to be loaded ("CLIP"), ``name`` is its folder or its name on the hub, ``key`` what
    names it in the recipe; ``files`` are those of its files that are read, if not all. It is
    :class:`MissingWeights` where the hub may have them.
    """
    said = f"{key}: the {what} {name} cannot be loaded"
    if not (Path(name).is_dir() or _CHECKPOINT.fullmatch(name)):
        absent = "there is no such folder, and it is no name on the Hugging Face hub (OWNER/NAME)"
        return UserError(f"{said}: {absent}")
    said += ": " + str(error).strip().split("\n")[0].rstrip(".")
    if Path(name).is_dir():
        return UserError(f"{said}; the folder must hold what `save_pretrained` writes")
    fetch = f"hf download {name} {files}".rstrip()
    todo = (
        "it is no folder, nor in the Hugging Face cache; with a network, "
        f"`{fetch}` puts it there; or write the folder that holds it"
    )
    return MissingWeights(f"{said}; {todo}", key, name, fetch)


def push(
    folder: Path,
    repo: str,
    *,
    files: Sequence[str],
    private: bool | None = None,
    revision: str | None = None,
    message: str | None = None,
    token: str | None = None,
) -> str:
    """Upload a saved pipeline and return its address. What the repository holds of an earlier one,
    and the new one has not, is deleted.

    Raises:
        UserError: it is no name of the hub, or the hub does not take it.
    """
    if not _NAME.fullmatch(repo):
        raise UserError(f"{repo}: is no name on the Hugging Face hub; OWNER/NAME is expected")
    api = _library("to push").HfApi(token=token)
    try:
        api.create_repo(repo, private=private, repo_type="model", exist_ok=True)
        if revision is not None:
            api.create_branch(repo, branch=revision, exist_ok=True)
        done = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            repo_type="model",
            revision=revision,
            commit_message=message or "Push a pipeline",
            allow_patterns=list(files),
            delete_patterns=list(files),
        )
    except Exception as error:  # a network may fail in any way; its user is told how
        raise UserError(
            f"{repo}: cannot be pushed to the Hugging Face hub: {_reason(error)} (`hf auth login` "
            "tells it who you are)"
        ) from error
    return str(done.repo_url)


def _library(wanted: str) -> ModuleType:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UserError(f"{wanted}: uv pip install 'slp-core[hub]'") from error
    return huggingface_hub


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2])}"
