"""Who met the studied event, and when: its hazard among councils that had not met it yet."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evallib.design import Design, Designs
from evallib.errors import DesignError, EstimationError, EvallibWarning, Fault
from evallib.estimate import Estimate, fit
from evallib.exposure import Exposure
from evallib.panel import Panel
from evallib.panel.covariates import council_covariates, population_by_year
from evallib.panel.store import Store
from evallib.plan import Plan
from evallib.plan.years import format_financial_year, parse_financial_year

RULES = ("assume_not_exposed", "only_known")
UNRECORDED = ("no_record",)
LEFT_OUT = "exposed_date_unknown"
EARLIER = "is_after_earlier"
SCALES = {
    "imd_average_score": "Deprivation score",
    "share_population_rural": "Share of the population that is rural",
    "log_population": "Population, logarithm",
}
LEVEL, TREND = "level_before", "trend_before"
TREND_YEARS = 4
FEW_EVENTS = 10  # for each term of a model: with fewer, slopes lean away from zero
RATIOS = ("part", "outcome", "characteristic", "no_record", "ratio", "conf_low", "conf_high")
COUNTS = ("council_years", "councils", "events", "has_few_events")


@dataclass(frozen=True, slots=True)
class FirstEvent:
    """The hazard of a first event under both rules for councils without a record.

    Parameters
    ----------
    ratios : pandas.DataFrame
        part ('council': all characteristics in one model; 'before': an outcome's level and slope
        before the event, given deprivation, rurality and population), outcome, characteristic,
        no_record, ratio (of the yearly odds, for one standard deviation more or for yes against
        no), conf_low, conf_high, council_years, councils, events, has_few_events (fewer than
        `FEW_EVENTS` for each term of the model).
    shares : pandas.DataFrame
        council_type ('all' first), no_record, councils, events, share_pct (of councils that had
        met the event by the end of the last year), conf_low, conf_high.
    years : pandas.DataFrame
        fin_year, no_record, at_risk, events, hazard_pct.
    refused : pandas.DataFrame
        part, outcome, no_record, reason: models that could not be fitted.
    date_unknown : int
        Councils that met it at a date that is not known: left out under both rules.
    first_year, last_year : str
    level : float
    """

    ratios: pd.DataFrame
    shares: pd.DataFrame
    years: pd.DataFrame
    refused: pd.DataFrame
    date_unknown: int
    first_year: str
    last_year: str
    level: float


def find_first_event(plan: Plan, panel: Panel, exposure: Exposure, designs: Designs) -> FirstEvent:
    """Estimate the yearly hazard of a council's first studied event since `known_from`.

    A discrete hazard with an effect of each year (logit), clustered by council, joint events
    together. Councils in office in all years are at risk from `known_from` to the year of their
    event or the last year. Under `assume_not_exposed` councils without a record stay at risk
    throughout; under `only_known` they are left out, and what remains says when councils with a
    recorded event had it, hardly whether.

    Parameters
    ----------
    plan : Plan
        The evaluation.
    panel : Panel
        Its panel.
    exposure : Exposure
        Its exposure.
    designs : Designs
        Its designs: the figures of the primary outcomes before the event.

    Returns
    -------
    FirstEvent

    Raises
    ------
    DesignError
        Where no council has a dated first event in the years.
    """
    rows, date_unknown = rows_at_risk(plan, panel, exposure)
    if rows["event"].sum() == 0:
        what = f"no council has a dated first event from {plan.known_from} to {plan.years[1]}"
        remedy = "Look at the register and at the plan's years, precision and confidence"
        raise DesignError([Fault(f"register {plan.register!r}", what, "", remedy)])
    names = [*SCALES, EARLIER, *_add_types(rows)]
    before = {design.outcome: _before(design, rows) for design in _primary(designs)}
    ratios: list[dict[str, object]] = []
    refused: list[dict[str, object]] = []
    shares: list[dict[str, object]] = []
    years: list[dict[str, object]] = []
    for rule in RULES:
        mine = rows if rule == RULES[0] else rows[~rows["status"].isin(UNRECORDED)]
        whole = mine.dropna(subset=names)
        for outcome in ("", *before):
            part = "before" if outcome else "council"
            shown = [LEVEL, TREND] if outcome else names
            sample = whole
            if outcome:
                sample = whole.join(before[outcome]).dropna(subset=[LEVEL, TREND])
            found = _fit(sample, [*shown, *(SCALES if outcome else ())], plan.confidence_level)
            key = {"part": part, "outcome": outcome, "no_record": rule}
            if isinstance(found, Estimate):
                ratios += [{**key, **row} for row in _ratios(found, shown)]
            else:
                refused.append({**key, "reason": found})
        shares += [{"no_record": rule, **row} for row in _shares(mine, plan.confidence_level)]
        years += [{"no_record": rule, **row} for row in _by_year(mine)]
    return FirstEvent(
        ratios=pd.DataFrame(ratios, columns=[*RATIOS, *COUNTS]),
        shares=pd.DataFrame(shares),
        years=pd.DataFrame(years),
        refused=pd.DataFrame(refused, columns=["part", "outcome", "no_record", "reason"]),
        date_unknown=date_unknown,
        first_year=plan.known_from,
        last_year=plan.years[1],
        level=plan.confidence_level,
    )


def rows_at_risk(plan: Plan, panel: Panel, exposure: Exposure) -> tuple[pd.DataFrame, int]:
    """Return a row for each council and year at risk of its first event, and who is left out.

    Returns
    -------
    pandas.DataFrame
        council_code, council_type, status, cluster, period (first calendar year), event (0 or 1),
        deprivation, rurality and population (unscaled, see `SCALES`), is_after_earlier (whether an
        event before `known_from` is on record).
    int
        Councils left out because the date of their event is not known.
    """
    begin, end = parse_financial_year(plan.known_from), parse_financial_year(plan.years[1])
    spine = panel.store.councils.set_index("council_code")
    councils = exposure.councils.join(
        spine[["council_type", "region", "valid_from", "valid_to"]], on="council_code"
    )
    opened = pd.to_datetime(councils["valid_from"], errors="coerce")
    keep = ~(opened > pd.Timestamp(begin, 4, 1)) & (councils["valid_to"] == "")
    keep &= ~councils["council_code"].isin(plan.exclude)
    if plan.council_types != "all":
        keep &= councils["council_type"].isin(plan.council_types)
    if plan.regions != "all":
        keep &= councils["region"].isin(plan.regions)
    unknown = councils["status"] == LEFT_OUT
    date_unknown = int((keep & unknown).sum())
    councils = councils[keep & ~unknown]
    when = [parse_financial_year(year) if year else np.inf for year in councils["event_year"]]
    covariates = _characteristics(panel.store, begin)
    table = councils[["council_code", "council_type", "status", "cluster"]].assign(
        when=when, **{EARLIER: councils["earlier_event"].notna().astype(float)}
    )
    table = table.join(covariates[list(SCALES)], on="council_code")
    periods = pd.DataFrame({"period": np.arange(begin, end + 1)})
    rows = table.merge(periods, how="cross")
    rows = rows[rows["period"] <= rows["when"]]
    rows = rows.assign(event=(rows["period"] == rows["when"]).astype(int)).drop(columns="when")
    return rows.reset_index(drop=True), date_unknown


def _characteristics(store: Store, begin: int) -> pd.DataFrame:
    """Return what was known of councils when the studied years began, by code.

    The latest release of the indices of deprivation up to then, or the first; population of that
    year, or the latest before it.
    """
    releases = store.tables["deprivation"]["imd_release"]
    known = releases[releases <= begin]
    table = council_covariates(store, known.max() if len(known) else releases.min())
    population = population_by_year(store)
    population = population[population["period"] <= begin].sort_values("period")
    latest = population.drop_duplicates("council_code", keep="last").set_index("council_code")
    table = table.set_index("council_code")
    return table.assign(log_population=np.log(latest["population_count"].reindex(table.index)))


def _add_types(rows: pd.DataFrame) -> list[str]:
    """Add a 0/1 column for each type of council but the most frequent; return their names."""
    counts = rows.groupby("council_type")["council_code"].nunique()
    most = str(counts.sort_values(ascending=False, kind="stable").index[0])
    names = {str(kind): f"{kind} rather than {most}" for kind in counts.index if kind != most}
    for kind, name in names.items():
        rows[name] = (rows["council_type"] == kind).astype(float)
    return list(names.values())


def _primary(designs: Designs) -> Sequence[Design]:
    """Return the designs of the primary outcomes, under the rule that has more councils."""
    found = []
    for design in designs:
        if design.role == "primary":
            both = [one for one in (design, design.alternative) if one is not None]
            found.append(max(both, key=lambda one: len(one.councils)))
    return found


def _before(design: Design, rows: pd.DataFrame) -> pd.DataFrame:
    """Return an outcome's level and slope before each row's year, on the rows' index.

    The level is the figure of the year before; the slope is that of the least-squares line
    through the figures of the four years before, two at least.
    """
    wide = design.full.pivot(index="council_code", columns="period", values="value")
    first, last = int(rows["period"].min()) - TREND_YEARS, int(rows["period"].max())
    wide = wide.reindex(columns=range(first, last))
    place = wide.index.get_indexer(pd.Index(rows["council_code"]))
    values = np.vstack([wide.to_numpy(dtype=float), np.full(wide.shape[1], np.nan)])
    at = rows["period"].to_numpy() - first
    window = at[:, None] - np.arange(TREND_YEARS, 0, -1)
    seen = values[place[:, None], window]  # councils that are not there: the last row, missing
    there = np.isfinite(seen)
    times = np.where(there, np.arange(float(TREND_YEARS)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        centred = times - np.nanmean(times, axis=1, keepdims=True)
        spread = np.nansum(centred**2, axis=1)
        slope = np.nansum(centred * np.where(there, seen, 0.0), axis=1) / spread
    slope = np.where(spread > 0, slope, np.nan)
    return pd.DataFrame({LEVEL: seen[:, -1], TREND: slope}, index=rows.index)


def _fit(sample: pd.DataFrame, names: list[str], level: float) -> Estimate | str:
    """Return the hazard of a sample with figures in standard deviations, or why there is none."""
    held = sample.copy()
    for name in names:
        if name in (*SCALES, LEVEL, TREND) and len(held):
            spread = held[name].std(ddof=0)
            held[name] = (held[name] - held[name].mean()) / (spread if spread > 0 else 1.0)
    varying = [name for name in names if held[name].nunique() > 1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EvallibWarning)
            return fit(
                "hazard",
                held,
                outcome="event",
                unit="council_code",
                time="period",
                covariates=varying,
                cluster="cluster",
                level=level,
            )
    except EstimationError as error:
        return " ".join(str(fault) for fault in error.faults)


def _ratios(found: Estimate, shown: list[str]) -> list[dict[str, object]]:
    """Return the ratios of some terms with the counts behind them."""
    table = found.details["ratios"].frame.set_index("term")
    events = int(found.details["events"])
    few = events < FEW_EVENTS * len(table)
    counts = dict(zip(COUNTS, (found.n_obs, found.n_units, events, few), strict=True))
    return [
        {"characteristic": name, **table.loc[name].to_dict(), **counts}
        for name in shown
        if name in table.index
    ]


def _shares(rows: pd.DataFrame, level: float) -> list[dict[str, object]]:
    """Return by type of council who had met the event by the end, with Greenwood's interval."""
    found = []
    for kind in ("all", *sorted(rows["council_type"].unique())):
        mine = rows if kind == "all" else rows[rows["council_type"] == kind]
        councils, events = mine["council_code"].nunique(), int(mine["event"].sum())
        low = high = np.nan
        share = 100.0 * events / councils
        fitted = _fit(mine, [], level) if events else ""
        if isinstance(fitted, Estimate):
            last = fitted.details["survival"].frame.iloc[-1]
            share = 100 * (1 - last["survival"])
            low, high = 100 * (1 - last["conf_high"]), 100 * (1 - last["conf_low"])
        found.append(
            {
                "council_type": kind,
                "councils": councils,
                "events": events,
                "share_pct": share,
                "conf_low": low,
                "conf_high": high,
            }
        )
    return found


def _by_year(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Return councils at risk and events by year."""
    table = rows.groupby("period")["event"].agg(["size", "sum"])
    return [
        {
            "fin_year": format_financial_year(int(period)),
            "at_risk": int(size),
            "events": int(events),
            "hazard_pct": 100.0 * events / size,
        }
        for period, size, events in table.itertuples()
    ]
