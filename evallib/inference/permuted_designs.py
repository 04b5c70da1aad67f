"""The policy's permutation of a design: draws, test, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from evallib.design import Design
from evallib.estimate import Estimate
from evallib.inference.permutation import permute_paths
from evallib.inference.permuted_cells import PermutedTerms
from evallib.inference.permuted_terms import PathCase, design_case, permute_terms
from evallib.inference.policy import apply_permuted_terms, permutation_sentence


def permute_design(
    design: Design, fitted: Estimate, rng: np.random.Generator, draws: int, inverted: str = ""
) -> tuple[Estimate, PermutedTerms, PathCase, dict[str, Any]]:
    """Return an estimate of a design with inference by permutation of adoption paths.

    Parameters
    ----------
    design : Design
    fitted : Estimate
        As `fit_design` returned it.
    rng : numpy.random.Generator
    draws : int
    inverted : str
        The term whose interval inverts the test; empty where every draw is a fit of its own.

    Returns
    -------
    Estimate, and the tests of its terms, what was permuted, and facts for the estimate's details
    """
    case = design_case(design, fitted.estimator)
    panel = case.panel
    drawn = permute_paths(panel.codes, panel.strata, panel.cluster, draws, rng)
    first, terms = permute_terms(case, fitted, drawn)
    strata = f"council {panel.strata_name}"
    sentence = permutation_sentence(fitted.level, draws, strata, inverted)
    facts = {"action": "permutation", "strata": panel.strata_name}
    return apply_permuted_terms(fitted, terms, first, sentence), terms, case, facts
