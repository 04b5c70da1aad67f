"""Which predecessors' rows make up a successor's figure, by who reports the indicator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from evallib.panel.boundaries.lineage import Lineage, Tier

_REPORTERS: Mapping[str, frozenset[Tier]] = {
    "lower-tier": frozenset({"district", "single"}),
    "upper-tier": frozenset({"county", "single"}),
    "collection": frozenset({"district"}),
    "unitary": frozenset({"single"}),
    "disposal": frozenset({"county"}),
}
_EVERY: frozenset[Tier] = frozenset({"district", "county", "single"})

SPLIT = "a county that it needs was split between successors"
BOTH_TIERS = "rates of districts and of their county are about the same area and cannot be joined"
UNKNOWN_TIER = "it is not known which tier of council reports the indicator"
OTHER_COUNTY = "a district of it lay in a county whose row is not its own"


@dataclass(frozen=True, slots=True)
class Reporting:
    """Who reports an indicator.

    Parameters
    ----------
    tiers : frozenset of {'district', 'county', 'single'}
        The kinds of council that report it.
    is_added : bool
        Whether figures of a county and of its districts are parts of one whole (amounts of money),
        so that both enter a sum; otherwise they describe the same area twice (waste collected
        and waste disposed of) and are never joined.
    """

    tiers: frozenset[Tier]
    is_added: bool


@dataclass(frozen=True, slots=True)
class Contributors:
    """The councils whose rows make up a figure, or why there are none.

    Parameters
    ----------
    codes : tuple of str
        Empty when refused.
    refusal : str
        The reason, in words; empty when there is none.
    split : tuple of str
        Counties that were split, with the reason `SPLIT`.
    """

    codes: tuple[str, ...]
    refusal: str = ""
    split: tuple[str, ...] = ()


def read_reporting(text: str, reported_by: Iterable[Tier]) -> Reporting | None:
    """Return who reports an indicator, from the column `reporting_tier`.

    Parameters
    ----------
    text : str
        ``all``, or one or more of ``lower-tier``, ``upper-tier``, ``collection``, ``unitary``,
        ``disposal``, joined by commas.
    reported_by : iterable of {'district', 'county', 'single'}
        The kinds of council that have figures; asked where the text says ``all`` and where it says
        none of these words.

    Returns
    -------
    Reporting or None
        ``all`` means that figures of counties and of their districts are parts of one whole, where
        both have figures. None where both have figures and nothing says whether they add up.

    Examples
    --------
    >>> sorted(read_reporting("collection,unitary", ()).tiers)
    ['district', 'single']
    >>> read_reporting("all", ("district", "county")).is_added
    True
    >>> read_reporting("collection,disposal", ("district", "county")).is_added
    False
    """
    held = frozenset(reported_by)
    both = {"district", "county"} <= held
    if text.strip() == "all":
        return Reporting(_EVERY if both else held, is_added=both)
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words and all(word in _REPORTERS for word in words):
        return Reporting(frozenset().union(*(_REPORTERS[word] for word in words)), is_added=False)
    return None if both else Reporting(held, is_added=False)


def contributors(
    lineage: Lineage, code: str, day: date, reporting: Reporting | None
) -> Contributors:
    """Return the councils whose rows make up a successor's figure on a day before it began.

    Parameters
    ----------
    lineage : Lineage
        Who followed whom.
    code : str
        The successor.
    day : date
        The last day of the measurement period.
    reporting : Reporting or None
        Who reports the indicator.

    Returns
    -------
    Contributors
        A district is made of districts. A unitary is made of the districts and unitaries that its
        area lay in where districts report and counties do not; of counties and unitaries where
        counties report, each county lying wholly in it; of both tiers where amounts add up.
    """
    if reporting is None:
        return Contributors((), UNKNOWN_TIER)
    lower = lineage.lower(code, day)
    if lineage.units[code].tier == "district":
        return Contributors(lower if "district" in reporting.tiers else ())
    if "county" not in reporting.tiers:
        return Contributors(lower)
    upper = lineage.upper(code, day)
    split = tuple(
        one
        for one in upper
        if lineage.units[one].tier == "county" and lineage.split_from(one, code)
    )
    if split:
        return Contributors((), SPLIT, split)
    counties = {lineage.units[one].county for one in lower} - {""}
    if not counties <= set(upper):
        return Contributors((), OTHER_COUNTY)
    if reporting.is_added:
        return Contributors(tuple(dict.fromkeys((*upper, *lower))))
    return Contributors(upper)
