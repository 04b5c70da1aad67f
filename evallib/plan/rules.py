"""The rules between values of a plan: what each value alone cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evallib.plan.boundaries import boundary_rules
from evallib.plan.broken import Broken
from evallib.plan.broken import Known as _Known
from evallib.plan.estimators import covariate_rules, headline_rules
from evallib.plan.heterogeneity import era_rules
from evallib.plan.reading import Loc
from evallib.plan.registers import escalation_rules
from evallib.plan.rules_derived import derived_rules, index_rules, outcome_denominator_rules
from evallib.plan.rules_own_data import own_data_rules
from evallib.plan.selection import placebo_rules
from evallib.plan.specifications import specification_rules
from evallib.plan.verdict import verdict_rules
from evallib.plan.years import parse_financial_year


def broken_rules(known: _Known) -> list[Broken]:
    """Return every rule that the values break.

    Parameters
    ----------
    known : mapping
        The parameters that are valid by themselves; rules about others are not asked. `outcomes`,
        `covariates`, `derived` and `indices` are pairs of their place in the list and the item.

    Returns
    -------
    list of Broken
        Empty when the plan is whole.
    """
    return [found for needs, rule in _RULES if needs <= known.keys() for found in rule(known)]


def _event_years(known: _Known) -> Iterator[Broken]:
    first, last = known["known_from"], known["last_event_year"]
    if parse_financial_year(last) < parse_financial_year(first):
        yield Broken(
            ("last_event_year",),
            f"{last} is before known_from, {first}",
            "no event could be studied",
            "swap the two, or give a later last_event_year",
        )


def _events_within_years(known: _Known) -> Iterator[Broken]:
    spans = [outcome.years_or(known["years"]) for _, outcome in known["outcomes"]]
    if not spans:
        return
    first = min((span[0] for span in spans), key=parse_financial_year)
    last = max((span[1] for span in spans), key=parse_financial_year)
    if parse_financial_year(known["last_event_year"]) < parse_financial_year(first):
        yield Broken(
            ("last_event_year",),
            f"{known['last_event_year']} is before the first year of every outcome, {first}",
            "no studied event would have a year before it",
            "give a later last_event_year, or earlier years",
        )
    if parse_financial_year(known["known_from"]) > parse_financial_year(last):
        yield Broken(
            ("known_from",),
            f"{known['known_from']} is after the last year of every outcome, {last}",
            "no studied event would have a year after it",
            "give an earlier known_from, or later years",
        )


def _window(known: _Known) -> Iterator[Broken]:
    first, last = known["event_window"]
    starts_in_event = known["exposure_starts"] == "same_period"
    reference = -1 - (not starts_in_event) - known["anticipation"]
    if first >= last:
        yield Broken(
            ("event_window",),
            f"the window is reversed: {first} is not before {last}",
            "",
            "give the first event time first, like [-5, 2]",
        )
        return
    if first > reference:
        yield Broken(
            ("event_window",),
            f"starts at {first}, but the year that effects are measured from is {reference}",
            "without a year before the event there is nothing to compare with",
            f"start at {reference - 1} or earlier",
        )
    if last < 0:
        yield Broken(
            ("event_window",),
            f"ends at {last}, before exposure starts at 0",
            "no effect would be shown",
            "end at 0 or later",
        )


def _window_within_years(known: _Known) -> Iterator[Broken]:
    first, last = known["event_window"]
    spans = [outcome.years_or(known["years"]) for _, outcome in known["outcomes"]]
    lengths = [parse_financial_year(b) - parse_financial_year(a) + 1 for a, b in spans]
    if lengths and last - first + 1 > max(lengths):
        yield Broken(
            ("event_window",),
            f"is {last - first + 1} years long, but the panel has {max(lengths)}",
            "no council could be seen at both ends",
            "shorten the window, or give more years",
        )


def _names_once(known: _Known) -> Iterator[Broken]:
    named = (("covariates", "name"), ("derived", "name"), ("indices", "name"))
    listed = (("outcomes", "indicator"), ("placebo_outcomes", "indicator"))
    for key, attribute in (*listed, *named):
        seen: dict[str, int] = {}
        for at, item in known.get(key, ()):
            name = getattr(item, attribute)
            if name in seen:
                yield Broken(
                    (key, at, attribute),
                    f"'{name}' is listed twice (also as {key}[{seen[name]}])",
                    "results are found by this name",
                    "keep one of the two",
                )
            seen.setdefault(name, at)


def _outcomes(known: _Known) -> Iterator[Broken]:
    for at, outcome in known["outcomes"]:
        if outcome.meaningful_change <= 0:
            yield Broken(
                ("outcomes", at, "meaningful_change"),
                f"is {outcome.meaningful_change:g}, but it must be above 0",
                "the verdict is held against it",
                "give the smallest change that would matter, in the outcome's unit",
            )
    yield from _figures(known, "outcomes")


def _placebo_outcomes(known: _Known) -> Iterator[Broken]:
    yield from _figures(known, "placebo_outcomes")


def _figures(known: _Known, key: str) -> Iterator[Broken]:
    """Yield what is wrong with how the figures of outcomes are taken."""
    for at, outcome in known[key]:
        if outcome.scale == "log" and outcome.zeros == "keep":
            yield Broken(
                (key, at, "zeros"),
                "zeros are kept on a log scale",
                "zero has no logarithm",
                "write zeros: missing, or scale: level",
            )
        if outcome.per == outcome.indicator:
            yield Broken(
                (key, at, "per"),
                f"'{outcome.per}' is divided by itself",
                "",
                "name another indicator, or leave per out",
            )


def _ranges(known: _Known) -> Iterator[Broken]:
    if "confidence_level" in known and not 0.5 < known["confidence_level"] < 1:
        yield Broken(
            ("confidence_level",),
            f"is {known['confidence_level']:g}, but it must be above 0.5 and below 1",
            "",
            "write it as a share, like 0.95",
        )
    bounds = (("anticipation", 10), ("seed", 2**32 - 1))
    values: list[tuple[Loc, int, int]] = [
        ((key,), known[key], top) for key, top in bounds if key in known
    ]
    if "history" in known:
        values.append((("history", "years"), known["history"].years, 50))
    for loc, value, top in values:
        if not 0 <= value <= top:
            yield Broken(loc, f"is {value}, but it must be from 0 to {top}", "", "mend the number")


_RULES: tuple[tuple[frozenset[str], Callable[[_Known], Iterator[Broken]]], ...] = (
    (frozenset({"known_from", "last_event_year"}), _event_years),
    (frozenset({"known_from", "last_event_year", "years", "outcomes"}), _events_within_years),
    (frozenset({"event_window", "anticipation", "exposure_starts"}), _window),
    (frozenset({"event_window", "years", "outcomes"}), _window_within_years),
    (frozenset({"headline", "estimators", "covariates", "weights"}), headline_rules),
    (frozenset({"covariates", "outcomes"}), covariate_rules),
    (frozenset(), _names_once),
    (frozenset({"outcomes"}), _outcomes),
    (frozenset({"placebo_outcomes"}), _placebo_outcomes),
    (frozenset({"outcomes", "placebo_outcomes"}), placebo_rules),
    (frozenset({"boundaries", "boundary_year", "predecessor_events"}), boundary_rules),
    (frozenset({"escalation", "kinds"}), escalation_rules),
    (frozenset({"heterogeneity", "eras"}), era_rules),
    (frozenset({"own_data"}), own_data_rules),
    (frozenset({"derived"}), derived_rules),
    (frozenset({"indices"}), index_rules),
    (
        frozenset({"outcomes", "placebo_outcomes", "derived", "indices"}),
        outcome_denominator_rules,
    ),
    (frozenset({"specifications"}), specification_rules),
    (frozenset({"verdict"}), verdict_rules),
    (frozenset(), _ranges),
)
