"""A small synthetic sign language: corpora whose every property is known, for testing models.

See ``README.md`` in this folder for the written phonology. Importing this module is cheap; numpy,
pose-format and PyAV are imported when a corpus is made.
"""

from __future__ import annotations

from slp_encoders.synthetic.corpus import synthesize

__all__ = ["synthesize"]
