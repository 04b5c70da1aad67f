"""Names in words that several views share: indicators, kinds of event, spans of years."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from evallib.panel.catalogue import Catalogue

KIND_WORDS = {
    "cpc": "corporate peer challenge",
    "cpc_or_lga_support": "corporate peer challenge or other sector support",
    "follow_up": "follow-up visit",
    "finance_peer_review": "finance peer review",
    "childrens_non_statutory_engagement": "children's non-statutory engagement",
    "never_by_date": "said to have had none by a date",
    "none_between": "said to have had none between two dates",
}
# The two rules for councils without a record, as every view names them.
RULE_WORDS = {
    "assume_not_exposed": "unrecorded councils as controls",
    "only_known": "recorded councils only",
}
# What is known of a council's exposure.
STATUSES = {
    "in_window": "First event in the studied years",
    "later": "First event later",
    "none_by_date": "None by the last year",
    "no_record": "No record",
    "exposed_date_unknown": "Exposed, date unknown",
}
LONGEST_CELL = 90
# What each estimator is called on pages.
ESTIMATOR_WORDS = {
    "twfe": "two-way fixed effects",
    "event_study": "event study, average after exposure",
    "group_time": "group-time effects (headline average)",
    "matched_did": "matched differences",
    "sun_abraham": "interaction-weighted regression (Sun and Abraham)",
    "etwfe": "extended two-way fixed effects",
    "stacked": "stacked regression",
    "lp_did": "local projections",
    "imputation": "imputation",
    "two_stage": "two-stage regression",
    "synthetic_did": "synthetic difference-in-differences",
    "synthetic_control": "synthetic control",
    "good_or_better": "linear probability of a good grade",
    "ordered_logit": "ordered logit of the grade",
}
# How an interval was made, in a few words; the notes under the tables say it in full.
INTERVAL_WORDS = {
    "influence_normal": "analytic, from influence values by cluster, normal quantiles",
    "permutation": "permutation of adoption paths within council type, one effect for all",
    "wild_bootstrap": "restricted wild cluster bootstrap",
    "analytic_thin": "analytic, not reliable: the design is thin",
    "placebo_normal": "placebo effects among councils never exposed, normal quantiles",
    "jackknife_normal": "jackknife over councils, normal quantiles",
    "cr1_t": "standard errors clustered by council (CR1), t distribution",
}
# The same in a word or two, where a table beside it says more.
INTERVAL_SHORT = {
    "influence_normal": "analytic",
    "permutation": "permutation",
    "wild_bootstrap": "wild bootstrap",
    "analytic_thin": "unreliable analytic",
    "placebo_normal": "placebo",
    "jackknife_normal": "jackknife",
    "cr1_t": "clustered (CR1)",
}
# Which councils an estimate may compare with.
COMPARISON_WORDS = {
    "not_yet_treated": "not yet exposed, later ones included",
    "never_treated": "never exposed",
}
SOURCE = "tables and registers of the data log, as mended and followed on load"


def kind_words(kind: str) -> str:
    """Write a kind of event as a reader says it.

    Examples
    --------
    >>> kind_words("cpc"), kind_words("childrens_improvement_notice")
    ('corporate peer challenge', "children's improvement notice")
    """
    words = KIND_WORDS.get(kind, kind.replace("_", " "))
    return re.sub(r"\bchildrens\b", "children's", words)


def indicator_title(catalogue: Catalogue, name: str) -> str:
    """Return an indicator's title."""
    return str(catalogue.describe(name)["title"])


def type_words(text: str) -> str:
    """Write a type of council with its capital.

    Examples
    --------
    >>> type_words("london borough rather than district")
    'London borough rather than district'
    """
    return text.replace("london", "London")


def year_span(years: Iterable[str]) -> str:
    """Write financial years as one year or as a first and a last.

    Examples
    --------
    >>> year_span(["2016/17", "2015/16"]), year_span(["2019/20"])
    ('2015/16 to 2016/17', '2019/20')
    """
    known = sorted(set(years))
    if not known:
        return "none"
    return known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"


def long_as_notes(texts: Sequence[str], *, before: int = 0) -> tuple[list[str], tuple[str, ...]]:
    """Move long texts of a column into notes, so that its cells stay short.

    Parameters
    ----------
    texts : sequence of str
        The cells.
    before : int
        How many notes the table has already.

    Returns
    -------
    cells : list of str
        The texts, long ones replaced by the mark of their note.
    notes : tuple of str
        Each long text once, in order.

    Examples
    --------
    >>> long_as_notes(["short", "word " * 30], before=1)[0]
    ['short', '[note 2]']
    """
    notes = tuple(dict.fromkeys(text for text in texts if len(text) > LONGEST_CELL))
    marks = {text: f"[note {before + place}]" for place, text in enumerate(notes, 1)}
    return [marks.get(text, text) for text in texts], notes
