"""Extended two-way fixed effects of Wooldridge."""

from __future__ import annotations

from evallib.estimate.cell_regression import Wish, fit_cells
from evallib.estimate.columns import Notes
from evallib.estimate.intake import Sample
from evallib.estimate.regression_options import EtwfeOptions
from evallib.estimate.result import Estimate

REFERENCES = (
    "Wooldridge (2021), Two-way fixed effects, the two-way Mundlak regression, and "
    "difference-in-differences estimators, doi:10.2139/ssrn.3906345",
)


def fit_etwfe(sample: Sample, options: EtwfeOptions, notes: Notes) -> Estimate:
    """Return effects by cohort and period from one regression, averaged by rows.

    Raises
    ------
    EstimationError
        When no unit is exposed, or when cells after exposure cannot be estimated.

    Warns
    -----
    AlreadyTreatedWarning, EmptyCellWarning, EvallibWarning, SingletonWarning, FewClustersWarning,
    ThinDesignWarning
    """
    never = options.comparison == "never_treated"
    group = "units that are never exposed" if never else "all units that are not yet exposed"
    wish = Wish(
        "etwfe",
        f"Mean effect over all exposed rows, from effects of each cohort and period against "
        f"{group}.",
        -1 - options.anticipation,
        never,
        REFERENCES,
    )
    return fit_cells(sample, options, wish, notes)
