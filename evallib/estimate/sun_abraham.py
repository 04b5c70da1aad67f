"""Interaction-weighted event study of Sun and Abraham."""

from __future__ import annotations

from evallib.estimate.cell_regression import Wish, fit_cells
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.regression_options import SunAbrahamOptions
from evallib.estimate.result import Estimate

REFERENCES = (
    "Sun and Abraham (2021), Journal of Econometrics 225(2), doi:10.1016/j.jeconom.2020.09.006",
)


def fit_sun_abraham(sample: Sample, options: SunAbrahamOptions, notes: Notes) -> Estimate:
    """Return effects by cohort and event time from one regression, averaged by rows.

    Raises
    ------
    EstimationError
        When no unit is exposed, or when cells after exposure cannot be estimated.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, EvallibWarning, SingletonWarning, FewClustersWarning,
    ThinDesignWarning
    """
    wish = Wish(
        "sun_abraham",
        "Mean effect over all exposed rows, from effects of each cohort and event time against "
        "units that are never exposed.",
        options.reference,
        True,
        REFERENCES,
    )
    return fit_cells(sample, options, wish, notes)
