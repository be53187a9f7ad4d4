"""Pretrained models and tokenizers: loaded from a folder or the Hugging Face hub, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slp_core.hub import no_checkpoint


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
        raise no_checkpoint(what, name, f"{path or what}.{key}", error, files) from error
    finally:
        logging.set_verbosity(verbosity)
