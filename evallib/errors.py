"""What the package says when something is wrong: faults, errors and typed warnings.

A fault names one thing that is wrong, where, why it matters and what to do. An error carries
every fault that was found, so that a user mends them together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with what the user gave.

    Parameters
    ----------
    where : str
        The place: a file and, where they apply, column, council and year, or a key of the plan.
    what : str
        What is wrong there.
    why : str
        Why it matters; may be empty where it is plain.
    remedy : str
        What to do about it.
    """

    where: str
    what: str
    why: str
    remedy: str

    def __str__(self) -> str:
        """Return the fault as one line."""
        texts = [text.strip() for text in (self.what, self.why, self.remedy) if text.strip()]
        ended = [text if text.endswith((".", "?", "!")) else f"{text}." for text in texts]
        return f"{self.where}: {' '.join(ended)}"


class EvallibError(Exception):
    """A user's mistake or an impossible request: one line a fault, never a traceback."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    @property
    def reasons(self) -> str:
        """What is wrong, in one line: for a table's row that says why it has no figure."""
        return "; ".join(dict.fromkeys(fault.what for fault in self.faults))


class PlanError(EvallibError):
    """The plan, or a value given for one of its keys, cannot be used."""


class DataError(EvallibError):
    """A table cannot be read or does not hold what it must."""


class DesignError(EvallibError):
    """The plan and the data together leave nothing that can be estimated."""


class EstimationError(EvallibError):
    """An estimator cannot give an answer for this sample or these options."""


class EvallibWarning(UserWarning):
    """Base of every warning of the package; filter or escalate by subclass."""


class FewClustersWarning(EvallibWarning):
    """There are too few clusters for cluster-robust standard errors to be trusted."""


class SingletonWarning(EvallibWarning):
    """Some units have a single row: they carry no information on change over time."""


class AbsorbedTreatmentWarning(EvallibWarning):
    """The fixed effects absorb the treatment of some units, which then add nothing."""


class AlreadyTreatedWarning(EvallibWarning):
    """Units treated from their first period have no row before exposure and are left out."""


class ThinDesignWarning(EvallibWarning):
    """Too few treated or comparison units for the analytic standard error to be trusted."""


class CohortCodingWarning(EvallibWarning):
    """A cohort of 0 or infinity was read as never-treated."""


class SwappedColumnsWarning(EvallibWarning):
    """The column of units looks like years and the column of periods does not."""


class InexactAdoptionWarning(EvallibWarning):
    """Units have no row just before their first exposed one: they may have adopted earlier."""


class UnknownExposureWarning(EvallibWarning):
    """Rows are left out because it is not known whether their units are still exposed."""


class UnbalancedPanelWarning(EvallibWarning):
    """Units miss some periods: each difference uses the units observed in both periods."""


class EmptyCellWarning(EvallibWarning):
    """A group-time cell has no comparison units or no treated units and is left out."""


class OverlapWarning(EvallibWarning):
    """Covariates tell treated from comparison units too well for them to be compared."""


class CollinearCellWarning(EvallibWarning):
    """Covariates that are collinear among the units of a cell: the cell is left out."""


class FewEventsWarning(EvallibWarning):
    """There are too few events for the terms of a model of their hazard."""


class DoubtfulKindWarning(EvallibWarning):
    """A kind of event in a register looks like a frequent kind misspelt."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known word, or an empty string.

    Examples
    --------
    >>> did_you_mean("recyling", ["recycling", "waste"])
    " Did you mean 'recycling'?"
    >>> did_you_mean("xyz", ["recycling", "waste"])
    ''
    """
    close = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f" Did you mean '{close[0]}'?" if close else ""


def first_five(items: Sequence[object]) -> str:
    """Return the first five items and how many more there are.

    Examples
    --------
    >>> first_five(["a", "b"])
    'a, b'
    >>> first_five(list("abcdefg"))
    'a, b, c, d, e and 2 more'
    """
    shown = ", ".join(str(item) for item in items[:5])
    return shown if len(items) <= 5 else f"{shown} and {len(items) - 5} more"


def type_words(given: object) -> str:
    """Return what an object is by its type, with its article.

    Examples
    --------
    >>> type_words("a text"), type_words(1)
    ('a str', 'an int')
    """
    name = type(given).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
