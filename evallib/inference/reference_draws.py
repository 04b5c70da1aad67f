"""Standard normals as R draws them after set.seed(0), for figures that equal a reference's.

The first stage of the hybrid test takes the 0.995 quantile of 1,000 simulated statistics, which
moves by a tenth between streams, and an interval's ends with it by a point of the grid or two. The
fixed-length intervals take the quantile of a folded normal from a million draws, which moves by
0.003 standard errors. With the reference's own stream there is nothing left to differ.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from evallib.estimate.result import FloatArray

WORDS = 624
TO_UNIT = 2.3283064365386963e-10
HIGH_PART = 134_217_728
MANY = 1_000_000
SPREADS = 7.0
ROOT_2_PI = float(np.sqrt(2.0 * np.pi))


@lru_cache(maxsize=32)
def reference_normals(rows: int, columns: int) -> FloatArray:
    """Return the first normals of the stream, row by row; read only.

    Mersenne Twister, seeded as R seeds it with 0, and inversion of 53 random bits.

    Parameters
    ----------
    rows, columns : int

    References
    ----------
    Matsumoto and Nishimura (1998), ACM Transactions on Modeling and Computer Simulation 8(1),
    doi:10.1145/272991.272995

    Examples
    --------
    >>> reference_normals(1, 3).round(6).tolist()
    [[1.262954, -0.326233, 1.329799]]
    """
    seed, key = 0, np.empty(WORDS + 1, dtype=np.uint32)
    for _ in range(50):
        seed = (69_069 * seed + 1) % 2**32
    for place in range(WORDS + 1):
        seed = (69_069 * seed + 1) % 2**32
        key[place] = seed
    stream = np.random.MT19937(0)
    stream.state = {"bit_generator": "MT19937", "state": {"key": key[1:], "pos": WORDS}}
    words = stream.random_raw(2 * rows * columns).astype(float) * TO_UNIT
    unit = np.clip(words, TO_UNIT / 2, 1.0 - TO_UNIT / 2)
    normal = ndtri((np.floor(HIGH_PART * unit[0::2]) + unit[1::2]) / HIGH_PART)
    normal = np.asarray(normal, dtype=float).reshape(rows, columns)
    normal.flags.writeable = False
    return normal


@lru_cache(maxsize=1)
def _sorted_normals() -> FloatArray:
    found = np.sort(reference_normals.__wrapped__(1, MANY)[0])
    found.flags.writeable = False
    return found


def drawn_folded_quantile(mean: float, level: float, near: float) -> float:
    """Return the quantile of |z + mean| over the first million normals of the stream.

    Linear between order statistics, as R's default. Only draws near the quantile are looked at.

    Parameters
    ----------
    mean : float
        Zero or above.
    level : float
    near : float
        The exact quantile of the folded normal.
    """
    normal = _sorted_normals()
    density = (np.exp(-0.5 * (near - mean) ** 2) + np.exp(-0.5 * (near + mean) ** 2)) / ROOT_2_PI
    reach = SPREADS * np.sqrt(level * (1.0 - level) / MANY) / density
    low, high = max(near - reach, 0.0), near + reach
    right = normal[slice(*np.searchsorted(normal, [low - mean, high - mean]))] + mean
    left = -normal[slice(*np.searchsorted(normal, [-high - mean, -low - mean]))] - mean
    below = np.diff(np.searchsorted(normal, [-low - mean, low - mean]))[0]
    place = (MANY - 1) * level - below
    first = int(np.floor(place))
    inside = np.partition(np.concatenate([right, left]), (first, first + 1))
    return float(inside[first] + (place - first) * (inside[first + 1] - inside[first]))
