"""What a table is, and the one loop that measures all of them in turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

OURS, SKLEARN, TORCH = "sk_mlp", "scikit-learn", "torch"
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "MB": 1e6}  # in seconds or bytes


@dataclass
class Row:
    """One line of a table: ours and its peers, which are measured in turns.

    Parameters
    ----------
    label : str
    contenders : dict of {str: callable or None}
        Ours is the one named ``OURS``. Each returns seconds or bytes, or these and a
        dict of facts. None is a peer that is not installed.
    targets : dict of {str: float or None}
        The peers to compare with, each with the least ratio (peer over ours) that is
        wanted, if any.
    unit : {"s", "ms", "µs", "MB"}, default="ms"
    baseline : str or None, default=None
        The contender for the column that gives ours over another one.
    once : bool, default=False
        Whether every round would give the same number.
    """

    label: str
    contenders: dict[str, Callable | None]
    targets: dict[str, float | None]
    unit: str = "ms"
    baseline: str | None = None
    once: bool = False
    measured: dict[str, list[float]] = field(init=False)
    facts: dict[str, dict] = field(init=False, default_factory=dict)

    def __post_init__(self):
        self.contenders = {k: call for k, call in self.contenders.items() if call}
        self.measured = {name: [] for name in self.contenders}

    def turn(self, n_round, pause=0.0):
        """Let every contender have one turn; the first one is another every round."""
        names = list(self.contenders)
        shift = n_round % len(names)
        for name in names[shift:] + names[:shift]:
            time.sleep(pause)
            value = self.contenders[name]()
            if isinstance(value, tuple):
                value, facts = value
                self.facts |= {name: facts} if facts else {}
            self.measured[name].append(value / UNITS[self.unit])

    def forget(self):
        """Forget what was measured."""
        for values in self.measured.values():
            values.clear()

    def summary(self):
        """Return all that is known as plain data, for JSON."""
        ours = self.measured[OURS]
        summary = {
            "label": self.label,
            "unit": self.unit,
            "medians": {k: float(np.median(v)) for k, v in self.measured.items()},
            "comparisons": [
                self._compare(peer, target)
                for peer, target in self.targets.items()
                if peer in self.measured
            ],
            "rounds": {name: list(values) for name, values in self.measured.items()},
        }
        if self.facts:
            summary["facts"] = self.facts
        if self.baseline in self.measured:
            over = np.divide(ours, self.measured[self.baseline])
            summary["over_baseline"] = float(np.median(over))
            summary["baseline"] = self.baseline
        return summary

    def _compare(self, peer, target):
        """Return the ratio of a peer to ours: its median and spread over the rounds."""
        ratios = np.divide(self.measured[peer], self.measured[OURS])
        low, ratio, high = map(float, np.percentile(ratios, [10, 50, 90]))
        comparison = {"peer": peer, "ratio": ratio, "low": low, "high": high}
        if target is not None:
            comparison |= {"target": target, "met": bool(ratio >= target)}
        return comparison


@dataclass
class Table:
    """A title, a few lines on what is measured, the rows, and the rounds to measure.

    `over` is the title of the column that gives ours over the baseline of each row.
    """

    title: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    n_rounds: int = 7
    over: str | None = None


def measure(table, n_rounds, *, careful=True, each_round=lambda: None):
    """Measure all rows of a table, round by round, and call `each_round` after each.

    With `careful` every row has a round to warm up, which does not count, and every
    turn waits for the threads of the last one: OpenBLAS and OpenMP let theirs spin for
    a while, ready for more work.
    """
    pause = 0.03 if careful else 0.0
    for n_round in range(n_rounds):
        for row in table.rows:
            if careful and n_round == 0 and not row.once:
                row.turn(0, pause)
                row.forget()
            if n_round == 0 or not row.once:
                row.turn(n_round, pause)
        each_round()
