"""The same design without some councils, or with more years of anticipation."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd

from evallib.design.design import Design
from evallib.design.rows import after_own_event, estimation_rows, is_event_year, with_arms


def without_councils(design: Design, codes: Collection[str]) -> Design:
    """Return a design without some of its councils, and without its alternatives.

    Parameters
    ----------
    design : Design
    codes : collection of str
        Council codes; those that are not in the sample are ignored.
    """

    def kept(table: pd.DataFrame) -> pd.DataFrame:
        return table[~table["council_code"].isin(list(codes))].reset_index(drop=True)

    return replace(
        design,
        full=kept(design.full),
        councils=kept(design.councils),
        frame=kept(design.frame),
        group_time_frame=kept(design.group_time_frame),
        sample_id="",
        alternative=None,
        other_decision=None,
    )


def with_anticipation(design: Design, periods: int) -> Design:
    """Return a design with another number of periods of anticipation, without its alternatives.

    Parameters
    ----------
    design : Design
    periods : int
        The event period included.
    """
    rows = with_arms(design.full, design.councils)
    rows = rows[~after_own_event(rows, periods)]
    return replace(
        design,
        frame=estimation_rows(rows[~is_event_year(rows, periods)], design.covariates),
        group_time_frame=estimation_rows(rows, design.covariates),
        anticipation=periods,
        reference=-1 - periods,
        sample_id="",
        alternative=None,
        other_decision=None,
    )
