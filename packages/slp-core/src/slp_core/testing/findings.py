"""What a part was found to do wrong, and what could not be tried."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import field, frozen

from slp_core.errors import MissingWeights, UserError


class NotTried(Exception):
    """Something cannot be tried here, with the reason. A trial may raise it, too."""


@frozen(eq=False)
class Findings:
    """A line for each fault (``name: what, the numbers; what to do``), and for all that was not
    tried."""

    who: str = "the part"  #: 'encoder "clip" of slp-encoders 0.1.0'
    faults: list[str] = field(factory=list)
    untried: list[str] = field(factory=list)

    def fault(self, name: str, said: str) -> None:
        """Note a fault, once."""
        line = f"{name}: {' '.join(said.split())}"
        if line not in self.faults:
            self.faults.append(line)

    def not_tried(self, said: str) -> None:
        self.untried.append(f"not tried: {said}")

    @contextmanager
    def trying(self, name: str) -> Iterator[None]:
        """Whatever is raised inside is a fault of that name, and the next thing is tried."""
        try:
            yield
        except MissingWeights as error:
            self.not_tried(
                f"{name}: its checkpoint {error.name} is not here; a trial writes a small one"
            )
        except NotTried as reason:
            self.not_tried(f"{name}: {reason}")
        except ImportError as error:
            package = (error.name or str(error)).partition(".")[0]
            self.fault(
                "needs",
                f'{self.who} needs the package "{package}", which cannot be imported: '
                f"{type(error).__name__}: {error}; install it, and name it among the dependencies",
            )
        except UserError as error:
            self.fault(name, f"refuses what it should take: {error}")
        except Exception as error:  # a part may fail in any way; its author is told how
            self.fault(name, f"raises {type(error).__name__}{_place(error)}: {error}")


def _place(error: Exception) -> str:
    """The last line of the part's own code on the way to the error."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if not _ours(one.filename)]
    own = [one for one in frames if "site-packages" not in one.filename] or frames
    return f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""


def _ours(file: str) -> bool:
    return Path(file).parent == Path(__file__).parent or "contextlib" in file
