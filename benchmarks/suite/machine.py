"""What the results depend on: the processor, the versions, BLAS and its threads."""

import os
import platform
import time
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import scipy
import scipy.linalg  # loads its BLAS
import sklearn
from threadpoolctl import threadpool_info, threadpool_limits

import sk_mlp
from suite import torch_peer
from suite.contenders import seconds


def facts():
    """Return the facts of this machine as plain data, without its names and paths."""
    torch = torch_peer.load()
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "sk_mlp": sk_mlp.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch and torch.__version__,
        "blas": blas(),
        "torch_threads": torch and torch.get_num_threads(),
    }


def processor():
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def blas():
    """Return name, version, kernel and threads of each BLAS that is loaded."""
    keys = ("internal_api", "version", "architecture", "num_threads")
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return [{key: pool.get(key) for key in keys} for pool in pools]


def n_blas_threads():
    """Return the threads that BLAS uses, which the peers get as well."""
    return max((pool["num_threads"] for pool in blas()), default=os.cpu_count())


class Conditions:
    """How quiet the machine is while a table is measured.

    The cores of a virtual machine may be hyperthreads of one true core, or shared with
    other machines. No clock inside tells, but two threads gain little then.
    """

    def __init__(self):
        self.gains = []
        self.start = _seconds_of_others()

    def check(self):
        """Note how much threads gain just now."""
        self.gains.append(gain_of_threads())

    def end(self):
        """Return the facts as plain data.

        `others` is the share of all cores' time that other programs had (None where it
        is unknown), `gains_of_threads` what `check` has noted.
        """
        others = None
        if self.start is not None:
            wall, taken = np.subtract(_seconds_of_others(), self.start)
            others = float(max(taken, 0.0) / (wall * os.cpu_count()))
        return {"others": others, "gains_of_threads": self.gains}


def gain_of_threads():
    """Return the time of a matrix product with one thread over that with all."""
    a = np.ones((512, 512), np.float32)
    product = seconds(partial(np.dot, a, a, out=np.empty_like(a)), 3)

    def median():
        return np.median([product() for _ in range(5)])

    with threadpool_limits(1, user_api="blas"):
        single = median()
    return float(single / median())


def _seconds_of_others():
    """Return (time, seconds that all programs but ours have run), or None.

    Ours are those of this process group: this one and the workers that it started.
    """
    try:
        columns = Path("/proc/stat").read_text("utf-8").split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _wait, *interrupts = map(int, columns)
    ticks = sum((user, nice, system, *interrupts)) - sum(_ticks_of_group())
    return time.perf_counter(), ticks / os.sysconf("SC_CLK_TCK")


def _ticks_of_group():
    """Yield the ticks of each process of this group, with its children that ended."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, columns = path.read_text("utf-8").rpartition(")")
        except OSError:  # it has ended
            continue
        _state, _parent, group, *columns = columns.split()
        if int(group) == os.getpgrp():
            yield sum(map(int, columns[8:12]))
