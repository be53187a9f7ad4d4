"""Pretrained models and tokenizers: loaded from a folder or the Hugging Face hub, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slp_core.errors import UserError


@contextmanager
def loading(what: str, name: str, path: str) -> Iterator[None]:
    """Load inside, with transformers' reports silenced; what fails is one clear message.

    ``what`` is loaded ("CLIP"), ``name`` is its hub name or folder, ``path`` the part's.

    Raises:
        UserError: it cannot be loaded, with the reason and how to get it.
    """
    from safetensors import SafetensorError
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        todo = (
            "the folder must hold what `save_pretrained` writes"
            if Path(name).is_dir()
            else f"it is no folder, nor in the Hugging Face cache; with a network, "
            f"`hf download {name}` puts it there"
        )
        raise UserError(
            f"{path or what}: the {what} {name} cannot be loaded: {reason}; {todo}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
