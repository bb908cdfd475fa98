"""How many BLAS threads a training uses.

A product that is small is slower on several threads than on one: the result lies in
the caches of several cores, and whatever comes next has to fetch it from there.
Measured with two threads on two cores, an epoch with products below `SMALL_PRODUCT`
takes 0.9 to 1.5 times as long as with one, depending on where the cores are. Larger
products are left to BLAS, with the threads it has.
"""

from contextlib import nullcontext
from functools import cache
from threading import current_thread, main_thread

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
    # The number is the whole process's: trainings that overlap in several threads would
    # restore it in the wrong order, so that only the main thread changes it.
    if n_multiplications < SMALL_PRODUCT and current_thread() is main_thread():
        return _blas().limit(limits=1)
    return nullcontext()


@cache
def _blas():
    return ThreadpoolController().select(user_api="blas")
