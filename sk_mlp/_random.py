"""Random generators, seeded and copied at a fraction of the usual cost."""

import copy

import numpy as np
from numpy.random.bit_generator import ISeedSequence


class _Blank(ISeedSequence):
    """The seed of a generator whose state is set at once."""

    def generate_state(self, n_words, dtype=np.uint32):
        return [0] * n_words  # which is read ten times as fast as an array


def seeded_generator(seed):
    """Return ``RandomState(seed)``, in 5 µs instead of 90.

    NumPy would first seed it from the operating system, and then by `seed`.
    """
    generator = np.random.RandomState(np.random.MT19937(_Blank()))
    generator.seed(seed)
    return generator


def generator_at(state, kind=np.random.RandomState):
    """Return the generator of this kind whose state, as a dict, is `state`."""
    if kind is np.random.RandomState and state["bit_generator"] == "MT19937":
        generator = seeded_generator(0)
        key = state["state"]["key"].tolist()  # is read faster than the array
        state = {**state, "state": {**state["state"], "key": key}}
    else:
        generator = kind(getattr(np.random, state["bit_generator"])(0))
    if kind is np.random.RandomState:
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
    return generator


def copy_generator(generator):
    """Return ``copy.deepcopy(generator)``, a RandomState in 50 µs instead of 260."""
    if type(generator) is np.random.RandomState:
        state = generator.get_state(legacy=False)
        if state["bit_generator"] == "MT19937":
            return generator_at(state)
    return copy.deepcopy(generator)
