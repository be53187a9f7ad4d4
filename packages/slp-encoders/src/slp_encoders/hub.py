"""Pretrained models and tokenizers: loaded from a folder or the Hugging Face hub, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slp_core.errors import MissingWeights, UserError


@contextmanager
def loading(what: str, name: str, path: str, key: str = "model", files: str = "") -> Iterator[None]:
    """Load inside, with transformers' reports silenced; what fails is one clear message.

    ``what`` is loaded ("CLIP"), ``name`` is its hub name or folder, ``path`` the part's, ``key``
    names it there, ``files`` are those of its files that are read, if not all.

    Raises:
        MissingWeights: it is not there, with how to get it.
        UserError: it cannot be loaded, with the reason.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        said = f"{path or what}: the {what} {name} cannot be loaded: {reason}; "
        if Path(name).is_dir():
            todo = "the folder must hold what `save_pretrained` writes"
            raise UserError(said + todo) from error
        fetch = f"hf download {name} {files}".rstrip()
        raise MissingWeights(
            f"{said}it is no folder, nor in the Hugging Face cache; with a network, `{fetch}` "
            f"puts it there; or name the folder that holds it in {key}",
            f"{path or what}.{key}",
            name,
            fetch,
        ) from error
    finally:
        logging.set_verbosity(verbosity)
