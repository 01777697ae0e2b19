"""Chance that needs no memory: a number for (model, day, purpose), always the same.

What belongs here: hashing integers into uniform numbers. It lets any day of any model be
computed on its own, in any order, which a sequential generator could not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer]


def mixed(numbers: Integers, *salts: int) -> npt.NDArray[np.uint64]:
    """Each of `numbers` turned into 64 random-looking bits (splitmix64), one set per salts."""
    salt = 0
    for value in salts:
        salt = (salt * 0x9E3779B97F4A7C15 + value + 1) & 0xFFFFFFFFFFFFFFFF
    bits = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def chance(numbers: Integers, *salts: int) -> npt.NDArray[np.float64]:
    """Uniform in [0, 1) for each of `numbers`."""
    return (mixed(numbers, *salts) >> np.uint64(11)).astype(np.float64) * 2.0**-53
