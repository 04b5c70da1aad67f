"""Honest pre-trends: how much drift after exposure the answer bears, and how much goes unseen."""

from __future__ import annotations

from evallib.checks.base import CheckResult, Verdict, not_applicable
from evallib.design import Design
from evallib.errors import EstimationError
from evallib.estimate import Estimate
from evallib.inference.event_times import EventStudy, read_event_study
from evallib.inference.honest import LARGEST_MBAR, HonestDid, honest_did
from evallib.inference.pretrend_power import EACH, JOINT, PretrendPower, pretrend_power
from evallib.panel.units import effect_unit, write_figure

HONEST = "honest pre-trends"
POWER = "power of the pre-trend test"
BOUNDS = (0.0, 0.5, 1.0, 1.5, 2.0)
ROBUST = 1.0
THIN = " (not reliable: the design is thin, and this rests on analytic standard errors)"


def check_honest(
    design: Design, headline: Estimate | None, group_time: Estimate
) -> list[CheckResult]:
    """Ask how much drift the mean effect bears, and how much a test of pre-trends would miss.

    The event study is the headline estimator's where it has one, else that of the group-time
    effects; the effect is the mean over the event times of the plan's window from exposure on.
    The year of the event is neither before nor after: drift may run through it.

    Parameters
    ----------
    design : Design
        The design.
    headline : Estimate, optional
        Its headline estimate.
    group_time : Estimate
        Its group-time estimate.

    Returns
    -------
    list of CheckResult
        'honest pre-trends': ``pass`` when the interval excludes zero with drift as large as the
        largest before exposure, ``concern`` when not, ``not applicable`` when it contains zero
        without any drift. The table has restriction, bound, conf_low, conf_high, method and
        breakdown, the restriction's largest bound with an interval that excludes zero.
        'power of the pre-trend test': ``pass`` when a drift that the test finds with 80 per cent
        power adds less than the meaningful change to the mean effect, else ``concern``. The table
        has test, power, slope, bias, bias_if_passed (see `evallib.pretrend_power`) and
        share_of_change, the bias over the meaningful change.

    References
    ----------
    Rambachan and Roth (2023), Review of Economic Studies 90(5). doi:10.1093/restud/rdad018
    Roth (2022), American Economic Review: Insights 4(3). doi:10.1257/aeri.20210236
    """
    try:
        study = _event_study(design, headline, group_time)
        found = honest_did(study, target="average", mbar=BOUNDS)
        power = pretrend_power(study, target="average", seed=design.seed)
    except EstimationError as error:
        reason = "; ".join(fault.what for fault in error.faults)
        names = (HONEST, POWER)
        return [not_applicable(name, design.outcome, design.no_record, reason) for name in names]
    is_thin = any(note.startswith("Not reliable") for note in study.notes)
    leads = group_time.details.get("leads", {})
    used = JOINT if str(leads.get("method", "")).startswith("Wald") else EACH
    return [_drift_borne(design, found, is_thin), _drift_missed(design, power, used, is_thin)]


def _event_study(design: Design, headline: Estimate | None, group_time: Estimate) -> EventStudy:
    if headline is not None and headline.estimator != "group_time":
        try:
            return read_event_study(headline)
        except EstimationError:
            pass  # an estimator of a single effect, such as two-way fixed effects
    return read_event_study(group_time, design.window)


def _drift_borne(design: Design, found: HonestDid, is_thin: bool) -> CheckResult:
    value = found.breakdown_relative
    what = f"The {found.level:.0%} interval of the {found.target}"
    verdict: Verdict = "pass" if value >= ROBUST else "concern"
    if not found.excludes_zero:
        verdict = "not applicable"
        sentence = (
            f"{what} contains zero even if nothing drifts after exposure: there is no finding "
            "that drift could overturn"
        )
    elif value >= LARGEST_MBAR:
        sentence = (
            f"{what} excludes zero even if drift from one year to the next after exposure is "
            f"{LARGEST_MBAR:g} times the largest before it"
        )
    else:
        sentence = (
            f"{what} excludes zero as long as drift from one year to the next after exposure is "
            f"at most {value:.2f} times the largest before it"
        )
    breakdown = {
        "relative magnitudes": value,
        "smoothness": found.breakdown_smooth,
    }
    table = found.frame.assign(breakdown=found.frame["restriction"].map(breakdown))
    return CheckResult(
        HONEST, design.outcome, design.no_record, verdict, sentence + THIN * is_thin, table
    )


def _drift_missed(design: Design, found: PretrendPower, used: str, is_thin: bool) -> CheckResult:
    change = design.meaningful_change
    table = found.frame.assign(share_of_change=found.frame["bias"] / change)
    rows = table[table["test"] == used].set_index("power")
    half, most = rows.loc[[0.5]].iloc[0], rows.loc[[0.8]].iloc[0]
    if not rows["slope"].notna().all():
        reason = "the test has so many leads that it rejects half of the time without any drift"
        return not_applicable(POWER, design.outcome, design.no_record, reason)
    verdict: Verdict = "pass" if most["bias"] < change else "concern"
    drift = write_figure(half["slope"], effect_unit(design.unit), figures=2)
    sentence = (
        f"The test of pre-trends would miss a drift of {drift} a year half of the time; that adds "
        f"{write_figure(half['bias'], figures=2)} to the {found.target}, "
        f"{half['share_of_change']:.1f} times the meaningful change of {change:g} (a drift of "
        f"{write_figure(most['slope'], figures=2)} a year is found 80 per cent of the time)"
    )
    return CheckResult(
        POWER, design.outcome, design.no_record, verdict, sentence + THIN * is_thin, table
    )
