"""What a fit keeps of its sample, so that its inference can be made again in another way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evallib.estimate.intake import Sample
from evallib.estimate.matched_columns import MatchColumns


@dataclass(frozen=True, slots=True)
class Kept:
    """The sample and the options of a fit.

    Parameters
    ----------
    sample : Sample
    options
        Of the estimator, as read at the door.
    columns : MatchColumns, optional
        What matched differences match on besides the outcome.
    """

    sample: Sample
    options: Any
    columns: MatchColumns | None = None
