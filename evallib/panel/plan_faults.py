"""What a plan names that the tables do not hold: told before anything is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from evallib.errors import EvallibError, Fault, PlanError, did_you_mean
from evallib.panel.covariates import COUNCIL_COVARIATES
from evallib.panel.derived.faults import derived_faults, made_names
from evallib.panel.derived.names import POPULATION
from evallib.panel.derived.population import with_population
from evallib.panel.ladders import escalation_faults
from evallib.panel.plan_labels import plan_label as plan_label
from evallib.panel.quality.settle import unsafe_faults
from evallib.panel.registers import read_register, register_facts
from evallib.panel.store import Store
from evallib.plan import Measured, Plan
from evallib.plan.complete import Complete
from evallib.plan.files import find_file
from evallib.plan.vary import vary
from evallib.plan.years import parse_financial_year

# Choices whose alternatives name councils, indicators or years of the tables.
NAMES_DATA = ("per", "years", "council_types", "regions", "exclude", "covariates")


def plan_faults(plan: Plan, store: Store) -> list[Fault]:
    """Return what a plan names that the tables do not hold: one fault a name."""
    where = plan_label(plan)
    faults: list[Fault] = []

    def unknown(key: str, word: str, known: list[str], what: str, why: str) -> None:
        listed = f"Use one of: {', '.join(known)}" if len(known) <= 12 else "See `evallib params`"
        hint = did_you_mean(word, known)
        faults.append(Fault(f"{where}, {key}", f"{word!r} is not {what}.{hint}", why, listed))

    known = [*store.held(), *made_names(plan)]
    for item, outcome in plan.placed_outcomes:
        for key, name in (("indicator", outcome.indicator), ("per", outcome.per)):
            if name and name not in known:
                place = f"{item}.{key}"
                hint = did_you_mean(name, known)
                faults.append(
                    Fault(
                        f"{where}, {place}",
                        f"{name!r} is not an indicator of {store.label}/outcomes.{hint}",
                        "There are no figures to evaluate",
                        _listed(known),
                    )
                )
        faults += _empty_years(plan, item, outcome, store)
    for number, covariate in enumerate(plan.covariates):
        fixed = (*COUNCIL_COVARIATES, POPULATION)
        if covariate.name not in (*known, *fixed):
            hint = did_you_mean(covariate.name, [*fixed, *known])
            faults.append(
                Fault(
                    f"{where}, covariates[{number}].name",
                    f"{covariate.name!r} is neither a characteristic of councils nor an indicator "
                    f"of {store.label}/outcomes.{hint}",
                    "There is nothing to adjust for",
                    f"Characteristics are {', '.join(fixed)}. {_listed(known)}",
                )
            )
    faults += derived_faults(plan, store)
    registers = [("register", plan.register, plan.kinds)]
    if plan.concurrent is not None:
        registers.append(("concurrent.register", plan.concurrent.register, plan.concurrent.kinds))
    for key, name, kinds in registers:
        try:
            events = find_register(store, name, f"{where}, {key}")
        except EvallibError as error:
            faults += error.faults
            continue
        held = sorted(set(events["kind"]))
        for kind in kinds:
            if kind not in held:
                unknown(
                    key.replace("register", "kinds"),
                    kind,
                    held,
                    f"a kind of event in the register {name}",
                    "Nobody would count as exposed",
                )
        if key == "register":
            faults += escalation_faults(plan, held, where)
    councils = store.councils
    for code in plan.exclude:
        if code not in set(councils["council_code"]):
            unknown(
                "exclude",
                code,
                list(councils["council_code"]),
                "a current council's code",
                "A misspelt code leaves the council in",
            )
    for key, column in (("council_types", "council_type"), ("regions", "region")):
        wanted = getattr(plan, key)
        if wanted != "all":
            held = sorted(set(councils[column]))
            for word in wanted:
                if word not in held:
                    unknown(
                        key,
                        word,
                        held,
                        f"a {column.replace('_', ' ')} of councils.csv",
                        "The sample would be empty",
                    )
    faults += unsafe_faults(plan, store)
    told = {fault.what for fault in faults}  # alternatives share all that is wrong with the plan
    return faults + [one for one in _alternative_faults(plan, store) if one.what not in told]


def _alternative_faults(plan: Plan, store: Store) -> list[Fault]:
    """Return what the plan's alternatives name that the tables do not hold."""
    faults: list[Fault] = []
    for choice in NAMES_DATA:
        for at, value in enumerate(getattr(plan.specifications, choice)):
            varied = vary(plan, {choice: value})
            for fault in plan_faults(varied, with_population(varied, store)):
                where = fault.where.split(", ")[0]
                faults.append(replace(fault, where=f"{where}, specifications.{choice}[{at}]"))
    return faults


def _listed(known: list[str]) -> str:
    """Return the known indicators; of thousands where they are described."""
    if len(known) > 100:
        return f"The {len(known):,} known indicators are in indicators.csv"
    return f"Known indicators: {', '.join(known)}"


def _empty_years(plan: Plan, item: str, outcome: Measured, store: Store) -> list[Fault]:
    figures = store.figures([outcome.indicator])
    span = outcome.years or plan.years
    first, last = (parse_financial_year(year) for year in span)
    if figures.empty or figures["period"].between(first, last).any():
        return []
    held = f"{figures['fin_year'].min()} to {figures['fin_year'].max()}"
    return [
        Fault(
            f"{plan_label(plan)}, {item}.years",
            f"{outcome.indicator} has no figure in {span[0]} to {span[1]}",
            f"Its figures cover {held}",
            "Give years that the table covers",
        )
    ]


def find_register(store: Store, name: str, where: str) -> pd.DataFrame:
    """Return a register of the store by name, or one that a path names.

    Raises
    ------
    PlanError
        When there is no such register.
    DataError
        When a register given as a path is wrong.
    """
    if name in store.registers:
        return store.registers[name]
    if name.endswith(".csv"):
        return read_register(find_file(name, None) or Path(name), store.book)
    hint = did_you_mean(name, store.registers)
    raise PlanError(
        [
            Fault(
                where,
                f"{name!r} is not a register of {store.label}.{hint}",
                "Nobody would count as exposed",
                f"Use one of: {', '.join(sorted(store.registers))}, or the path of a CSV file",
            )
        ]
    )


def find_complete(store: Store, name: str) -> Complete | None:
    """Return what is declared of a register that `find_register` finds; None where nothing is."""
    if name in store.registers:
        return store.complete.get(name)
    facts = register_facts(find_file(name, None) or Path(name))
    return facts.complete if facts is not None else None
