"""What tests of parts share, those of plugins included: the conformance kit.

Importing this imports no torch. :func:`assert_conforms` holds a part to everything that its kind
promises; :func:`assert_padding_changes_nothing` looks at one promise with samples of your own.
"""

from __future__ import annotations

from slp_core.testing.conformance import assert_conforms, examine, faults
from slp_core.testing.findings import Findings, NotTried
from slp_core.testing.imports import heavy_imports
from slp_core.testing.padding import assert_padding_changes_nothing
from slp_core.testing.trial import Trial

__all__ = [
    "Findings",
    "NotTried",
    "Trial",
    "assert_conforms",
    "assert_padding_changes_nothing",
    "examine",
    "faults",
    "heavy_imports",
]
