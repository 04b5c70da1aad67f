"""Event studies and figures of the reference implementations of honest pre-trends and power.

`PROFITS` and its figures: data set BCdata_EventStudy of R's HonestDiD 0.2.6 (Benzarti and Carloni
2019, profits), printed to ten digits. `MEDICAID`: the event study of the share insured in R's
HonestDiD README (two-way fixed effects with fixest's standard errors, clustered by state), which
prints its intervals. `POLICE`: data set HeAndWangResults of R's pretrends (He and Wang 2017), whose
README prints slopes, powers and conditional means.
"""

from __future__ import annotations

import numpy as np

from evallib.estimate.result import FloatArray
from evallib.inference.event_times import EventStudy


def _symmetric(rows: list[list[float]]) -> FloatArray:
    size = len(rows)
    lower = np.zeros((size, size))
    for k, row in enumerate(rows):
        lower[k, : k + 1] = row
    return lower + np.tril(lower, -1).T


PROFITS = EventStudy(
    np.arange(-5, -1),
    np.arange(4),
    -1,
    np.array(
        [
            *(0.006696351804, 0.02934503369, -0.006472972222, 0.0730149895),
            *(0.1959611177, 0.3120639026, 0.2395415455, 0.1260425001),
        ]
    ),
    _symmetric(
        [
            [0.0008428358124],
            [0.0004768686777, 0.0006425420288],
            [0.0002618051076, 0.0003987425007, 0.0005229949602],
            [0.0002354220342, 0.0002435515198, 0.000211768609, 0.0003089595411],
            [
                *(0.0001676371467, 0.0002201960306, 0.0001840722252, 0.0001197866077),
                0.000359970436,
            ],
            [
                *(0.0001128707663, 0.0001804591157, 0.000145852784, 0.0001334081317),
                *(0.0002478818642, 0.0004263949813),
            ],
            [
                *(1.992816215e-05, 3.84376508e-05, 7.005197403e-05, 0.0001016335009),
                *(0.0001749579242, 0.0002171437809, 0.0004886697861),
            ],
            [
                *(-0.0001368265366, -2.960421989e-05, 5.952994979e-05, 0.0001079051726),
                *(0.0001654256921, 0.0002892747871, 0.0003805322049, 0.000761739444),
            ],
        ]
    ),
)
PROFITS_ORIGINAL = (0.15877494280765, 0.233147292681241)
PROFITS_SMOOTH = {  # bound: interval; R draws its quantile from a million normals
    0.0: (0.131411316, 0.2161696482),
    0.1: (0.1194440001, 0.4185082143),
    0.2: (0.01944400015, 0.5185082143),
}
PROFITS_RELATIVE_200_POINTS = (0.07055244362, 0.3184394077)  # Mbar 1
PROFITS_LARGEST_TURN = 0.202169869297069

MEDICAID = EventStudy(
    np.arange(-6, -1),
    np.arange(2),
    -1,
    np.array(
        [
            *(-0.005285354533, -0.011297324648, -0.002675991812, -0.001419312252),
            *(0.000339663519, 0.04644685416, 0.069206175479),
        ]
    ),
    1e-5
    * _symmetric(
        [
            [7.4884836359],
            [6.0398740956, 7.266500617],
            [4.4446198185, 3.7893302213, 5.0520519402],
            [3.3857647061, 2.8665780251, 2.6736794325, 4.0032220263],
            [4.3280112547, 4.5433206284, 2.7781935677, 2.4128599757, 5.4626622071],
            [
                *(4.7658804788, 4.4288501193, 3.0606441089, 2.3808682091, 3.6825310517),
                8.3756688247,
            ],
            [
                *(2.4251286998, 2.824655043, 0.96375338827, 0.29238781434, 0.97229475024),
                *(6.3213979625, 10.712352303),
            ],
        ]
    ),
)
MEDICAID_RELATIVE = {  # Mbar: interval, as printed
    0.5: ("0.0240", "0.0672"),
    1.0: ("0.0170", "0.0720"),
    1.5: ("0.00824", "0.0797"),
    2.0: ("-0.000916", "0.0881"),
}
MEDICAID_SMOOTH = {
    0.0: (0.0259, 0.0607),
    0.01: (0.0132, 0.0787),
    0.02: (0.00286, 0.0907),
    0.03: (-0.00714, 0.101),
    0.05: (-0.0271, 0.121),
}

POLICE = EventStudy(
    np.arange(-4, -1),
    np.arange(4),
    -1,
    np.array(
        [
            *(0.0667031482, -0.0077017923, -0.0307690538),
            *(0.084030658, 0.2424418181, 0.2198789865, 0.1910925359),
        ]
    ),
    _symmetric(
        [
            [0.0089065712],
            [0.0044883136, 0.0059369169],
            [0.0014587025, 0.0027500791, 0.0030386248],
            [0.0012157689, 0.0013505858, 0.0009056166, 0.0039247409],
            [0.0020327645, 0.0014315459, 0.0006791299, 0.002596118, 0.008065897],
            [
                *(0.0013225015, 0.0012067792, 0.0010167636, 0.0017326149),
                *(0.0058753751, 0.007881579),
            ],
            [
                *(0.0019617728, 0.0013847158, 0.0007090144, 0.0022345525),
                *(0.0037414359, 0.0036507095, 0.0097884266),
            ],
        ]
    ),
)
POLICE_SLOPE_50 = 0.05205871
POLICE_AT_SLOPE = {"power": 0.4999776, "bayes_factor": 0.56901, "likelihood_ratio": 0.1057627}
POLICE_MEAN_IF_PASSED = [
    *(-0.09230764, -0.05555285, -0.02790950),
    *(0.06490184, 0.12084694, 0.16946498, 0.22453827),
]
POLICE_AT_SQUARE = {"power": 0.6624282, "bayes_factor": 0.3841516, "likelihood_ratio": 0.4332635}
