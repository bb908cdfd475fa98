"""What subnormal numbers in the optimizer's state cost, with and without the flush.

Run it with one thread, on a machine that does nothing else:

    OMP_NUM_THREADS=1 python benchmarks/subnormals.py

The first table is the time of an optimizer's step on 100,000 parameters of float32:
fresh, when all have a gradient, and stuck, 1,280 steps after every other one has got
its last one. The second is an epoch of a fit on sparse data half of whose columns are
empty, early and late. How much slower subnormal numbers are depends on the processor;
the last column says how many there are.
"""

import time

import numpy as np
from scipy.sparse import random as random_sparse

from sk_mlp import MLPClassifier, optimizers

NEVER = 10**9
N_PARAMETERS = 100_000
N_DEAD_STEPS = 1280  # 0.9 to this power is far below the smallest float32
N_ROUNDS = 20
N_STEPS = 128  # of one round: the flush is in one of them
N_EPOCHS = 300


def without_flush(name):
    """Return the optimizer of a name, in a subclass that never flushes."""
    cls = type(optimizers.get(name))
    return type(cls.__name__, (cls,), {"FLUSH_PERIOD": NEVER})()


def n_subnormal(*arrays):
    """Count the numbers that are neither 0 nor normal."""
    tiny = np.finfo(arrays[0].dtype).tiny
    return sum(int(((a != 0) & (np.abs(a) < tiny)).sum()) for a in arrays)


def median_and_spread(seconds, unit):
    """Return the median and half the distance of the quartiles as text."""
    low, middle, high = np.percentile(np.array(seconds) / unit, [25, 50, 75])
    return f"{middle:.1f} ± {(high - low) / 2:.1f}"


def print_table(rows):
    """Print rows of text in aligned columns, the first row as the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for k, row in enumerate(rows):
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells[1:]]))
        if k == 0:
            print("  ".join("-" * width for width in widths))


# Steps ------------------------------------------------------------------------------


class Case:
    """An optimizer that has come to some point, and the times of its next steps."""

    def __init__(self, optimizer, *, stuck):
        rng = np.random.RandomState(0)
        self.optimizer = optimizer
        self.theta = rng.standard_normal(N_PARAMETERS).astype(np.float32)
        self.grad = rng.standard_normal(N_PARAMETERS).astype(np.float32)
        self.state = optimizer.init_state(self.theta)
        self.seconds = []
        self.step(self.theta, self.state)
        if stuck:
            self.grad[::2] = 0.0
            for _ in range(N_DEAD_STEPS):
                self.step(self.theta, self.state)

    def step(self, theta, state):
        """Take a step and return the CPU time that it took."""
        grad = self.grad.copy()  # the step overwrites it
        start = time.thread_time()
        self.optimizer.step(theta, grad, state, 1e-3)
        return time.thread_time() - start

    def measure(self, theta, state):
        """Note the mean time of a round of steps on copies in the given arrays."""
        theta[...] = self.theta
        for key, value in self.state.items():
            if key in self.optimizer.slots:
                state[key][...] = value
            else:
                state[key] = value
        self.seconds.append(np.mean([self.step(theta, state) for _ in range(N_STEPS)]))

    def n_subnormal(self):
        """Count the subnormal numbers of the state vectors."""
        return n_subnormal(*[self.state[name] for name in self.optimizer.slots])


def steps(name):
    """Return the lines of the table for one optimizer."""
    solvers = {"without": without_flush(name), "with": optimizers.get(name)}
    cases = {
        (when, flush): Case(solver, stuck=when == "stuck")
        for when in ("fresh", "stuck")
        for flush, solver in solvers.items()
    }
    # All in the same memory, whose place matters, and in turns, for a fair share of
    # what else the machine does.
    theta = np.empty(N_PARAMETERS, np.float32)
    state = optimizers.get(name).init_state(theta)
    for _ in range(N_ROUNDS):
        for case in cases.values():
            case.measure(theta, state)
    fresh = np.median(cases["fresh", "without"].seconds)
    for (when, flush), case in cases.items():
        time_of_step = median_and_spread(case.seconds, 1e-6)
        ratio = np.median(case.seconds) / fresh
        n_tiny = f"{case.n_subnormal():,}"
        yield [name, when, flush, time_of_step, f"{ratio:.3f}", n_tiny]


# A fit ------------------------------------------------------------------------------


def sparse_problem():
    """Return CSR features of which the second half of the columns is empty, classes."""
    rng = np.random.RandomState(0)
    X = random_sparse(
        2000, 2000, density=0.01, format="csc", dtype=np.float32, random_state=rng
    )
    X.data[X.indptr[1000] :] = 0.0
    X.eliminate_zeros()
    y = (X[:, :500].sum(axis=1) > X[:, 500:1000].sum(axis=1)).A1
    return X.tocsr(), y


def fits():
    """Return the lines of the table: epochs of two fits that take turns."""
    X, y = sparse_problem()
    estimators = {
        label: MLPClassifier((50,), solver=solver, random_state=0)
        for label, solver in [("without", without_flush("adam")), ("with", "adam")]
    }
    for _ in range(N_EPOCHS):
        for estimator in estimators.values():
            estimator.partial_fit(X, y, classes=[False, True])
    for label, estimator in estimators.items():
        seconds = estimator.history_["seconds"]
        early, late = seconds[5 : N_EPOCHS // 6], seconds[-N_EPOCHS // 6 :]
        ratio = np.median(late) / np.median(early)
        yield [
            label,
            median_and_spread(early, 1e-3),
            median_and_spread(late, 1e-3),
            f"{ratio:.2f}",
            f"{n_subnormal(*estimator.coefs_):,}",
        ]


def main():
    """Print both tables."""
    head = ["solver", "state", "flush", "µs per step", "ratio", "subnormal"]
    rows = [row for name in ("adam", "nadam", "sgd") for row in steps(name)]
    print_table([head, *rows])
    print("\nadam on sparse data")
    head = ["flush", "ms per epoch, early", "late", "ratio", "subnormal weights"]
    print_table([head, *fits()])


if __name__ == "__main__":
    main()
