"""Ways to run one thing in turn, each beside the same without: a virtual machine changes by more than they differ."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from statistics import fmean, quantiles

from bench.build import folder
from bench.process import Watched, watched

_NOBODY = (sys.executable, "-c", "import signal; print('ready', flush=True); signal.pause()")


def nobody() -> AbstractContextManager[Watched]:
    """Return what stands in the place of a watcher: started, waited for and ended as one, it does nothing.

    What runs just after something else is faster than after the idle second in which a watcher starts, by more than
    watching adds.
    """
    return watched(folder(), _NOBODY, "ready", "nobody")


def beside(
    alone: Callable[[], float], ways: Mapping[str, Callable[[], float]], turns: int
) -> tuple[list[float], dict[str, list[tuple[float, float]]]]:
    """Measure each way in turn, between two measurements of none.

    Args:
        alone: measures none.
        ways: measure each, by their names.
        turns: how often.

    Returns:
        what was measured of none; of each way what was measured of it, with the mean of its two neighbours.

    """
    bases = [alone()]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, measure in ways.items():
            each = measure()
            bases.append(alone())
            found[name].append((each, fmean(bases[-2:])))
    return bases, found


def middle(values: list[float], digits: int) -> str:
    """Return the middle half of them, for a note."""
    low, _, high = quantiles(values, n=4)
    return f"{low:.{digits}f} to {high:.{digits}f}"
