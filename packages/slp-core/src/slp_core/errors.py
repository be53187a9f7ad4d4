"""What the toolkit says when the user's input is wrong: one clear message, exit code 2."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from attrs import frozen


class UserError(Exception):
    """The user's mistake, said in words that tell where it is and what to do about it."""

    def _render_traceback_(self) -> list[str]:
        """A notebook shows the message alone: where in our code it was found helps nobody."""
        return [f"{type(self).__name__}: {self}"]


class MissingWeights(UserError):
    """A checkpoint is not there. ``key``: what in the recipe names it; ``name``: what it is
    called there; ``fetch``: the command, or the words, by which it is fetched."""

    def __init__(self, message: str, key: str, name: str, fetch: str) -> None:
        super().__init__(message)
        self.key, self.name, self.fetch = key, name, fetch


@frozen
class Problem:
    """One thing wrong in a recipe: where it stands, its key, and what was expected."""

    where: str  #: "recipes/a.toml:12", or "--set"
    key: str  #: "streams.pose.encoder.dim", or "" of the whole
    message: str  #: what was written and what was expected

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.where, self.key, self.message)))


class RecipeError(UserError):
    """Every problem of a recipe, in one go."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems, key=_place)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (problem.where, 0)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Say the nearest of ``choices``, then all of them: ``; did you mean "clip"? (one of ...)``."""
    known: Sequence[str] = sorted(set(choices))
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    near = near or [one for one in known if word == "".join(p[:1] for p in one.split("_"))]  # lr
    hint = f'; did you mean "{near[0]}"?' if near else ""
    if not known or (near and len(known) > 20):  # a long list helps nobody who was understood
        return hint
    return f"{hint} (one of: {', '.join(known)})"
