"""How many BLAS threads a training uses.

A product that is small is slower on several threads than on one: the result lies in
the caches of several cores, and whatever comes next has to fetch it from there.
Measured with two threads on two cores, an epoch with products below `SMALL_PRODUCT`
takes 0.9 to 1.5 times as long as with one, depending on where the cores are. Larger
products are left to BLAS, with the threads it has.
"""

from contextlib import nullcontext
from functools import cache
from os.path import dirname, realpath, sep
from threading import current_thread, main_thread

import scipy
from threadpoolctl import ThreadpoolController

# Multiplications in the largest product of a step.
SMALL_PRODUCT = 1 << 22


def blas_threads(n_multiplications):
    """Return a context in which BLAS has the threads that suit a training.

    Parameters
    ----------
    n_multiplications : int
        In the largest product of a step.
    """
    return _limited(_blas) if n_multiplications < SMALL_PRODUCT else nullcontext()


def one_scipy_thread():
    """Return a context in which SciPy's own BLAS, if it has one, has one thread.

    The wheels of NumPy and SciPy bring a BLAS each, and their threads go on spinning
    for a while after a call. So the few short products of SciPy's L-BFGS take the cores
    from NumPy's long ones: an iteration on digits took 3 times as long.
    """
    return _limited(_blas_of_scipy)


def _limited(controller):
    # The number is the whole process's: trainings that overlap in several threads would
    # restore it in the wrong order, so that only the main thread changes it.
    if current_thread() is main_thread():
        return controller().limit(limits=1)
    return nullcontext()


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")


@cache
def _blas_of_scipy():
    # It lies in scipy.libs beside the package, or on a Mac in scipy/.dylibs.
    package = realpath(dirname(scipy.__file__))
    places = (package + sep, package + ".libs")
    paths = [library["filepath"] for library in _blas().info()]
    return _blas().select(filepath=[path for path in paths if path.startswith(places)])
