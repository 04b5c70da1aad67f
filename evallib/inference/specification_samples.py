"""All combinations of a plan's choices, and the sample that each of them estimates."""

from __future__ import annotations

import itertools
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from evallib.design import Design, build_design
from evallib.design.covariates import covariate_values
from evallib.errors import EvallibError, EvallibWarning
from evallib.exposure import Exposure, build_exposure
from evallib.inference.specification_jobs import Item, Job, two_way_controls
from evallib.inference.specification_results import Choices
from evallib.panel.build import Panel, panel_from_store
from evallib.panel.store import Store
from evallib.plan import Plan
from evallib.plan.estimators import SYNTHETIC
from evallib.plan.specifications import OF_THE_ESTIMATE, alternatives
from evallib.plan.vary import vary

OF_THE_PANEL = ("years", "per", "boundaries", "unsafe_figures", "index_method", "base_years")
OF_THE_EXPOSURE = (*OF_THE_PANEL, "min_confidence", "date_precision")
WITH_WINDOW = ("event_study", "matched_did", "stacked", "lp_did")


def combinations(plan: Plan, outcome: str) -> list[Choices]:
    """Return every combination of a plan's choices for one outcome, the plan's own first.

    Parameters
    ----------
    plan : Plan
    outcome : str

    Returns
    -------
    list of dict
        The value of each choice that has alternatives. A choice that an estimator does not have
        (an event window; clusters of the synthetic estimators) stays at the plan's own value.
    """
    return cross(alternatives(plan, outcome), plan.headline.estimator)


def cross(given: Mapping[str, tuple[Any, ...]], own: str) -> list[Choices]:
    """Return every combination of the values of some choices, the first of each first.

    Parameters
    ----------
    given : mapping of str to tuple
        Values by choice.
    own : str
        The estimator where none is given.

    Examples
    --------
    >>> given = {"estimator": ("twfe", "stacked"), "event_window": ((-3, 3), (-4, 3))}
    >>> len(cross(given, "twfe"))  # twfe has no window
    3
    """
    found = []
    for values in itertools.product(*given.values()):
        chosen = dict(zip(given, values, strict=True))
        estimator = chosen.get("estimator", own)
        idle = {
            "event_window": estimator not in WITH_WINDOW,
            "cluster": estimator in SYNTHETIC,
        }
        if any(idle.get(name, False) and chosen[name] != given[name][0] for name in chosen):
            continue
        found.append(chosen)
    return found


@dataclass(slots=True)
class Samples:
    """Designs of varied plans, each made once.

    Parameters
    ----------
    plan : Plan
    store : Store
    draws : int
    """

    plan: Plan
    store: Store
    draws: int
    panels: dict[str, Panel] = field(default_factory=dict)
    exposures: dict[str, Exposure] = field(default_factory=dict)
    designs: dict[str, Design | str] = field(default_factory=dict)

    def jobs(self, outcome: str, chosen: list[Choices]) -> Iterator[Job | tuple[list[int], str]]:
        """Yield the specifications of an outcome sample by sample, or numbers with a refusal.

        Parameters
        ----------
        outcome : str
        chosen : list of dict
            See `combinations`.
        """
        groups: dict[str, tuple[Choices, list[Item]]] = {}
        own = {name: values[0] for name, values in alternatives(self.plan, outcome).items()}
        for number, choices in enumerate(chosen):
            item = self._item(number, choices)
            # What is not named stays as the plan has it, for each outcome and index.
            sample = {
                name: value
                for name, value in choices.items()
                if name not in OF_THE_ESTIMATE and value != own[name]
            }
            covariates = () if item.estimator == "twfe" else item.covariates
            if covariates != tuple(one.name for one in self.plan.covariates):
                sample["covariates"] = covariates
            groups.setdefault(repr(sample), (sample, []))[1].append(item)
        seed = (self.plan.seed, zlib.crc32(f"{outcome}|specifications".encode()))
        universe = tuple(sorted(self.store.councils["council_code"]))
        for sample, items in groups.values():
            design = self._design(outcome, sample)
            if isinstance(design, str):
                yield [item.number for item in items], design
                continue
            panel, names = self._panel(sample), two_way_controls(items)
            controls = {name: covariate_values(panel, name, design.full) for name in names}
            yield Job(
                design,
                pd.DataFrame(controls, index=design.full.index),
                tuple(items),
                universe,
                self.draws,
                seed,
            )

    def _item(self, number: int, choices: Choices) -> Item:
        covariates = tuple(one.name for one in self.plan.covariates)
        return Item(
            number,
            choices.get("estimator", self.plan.headline.estimator),
            choices.get("winsorise", 0.0),
            choices.get("covariates", covariates),
            choices.get("cluster", self.plan.cluster),
            () in (covariates, *self.plan.specifications.covariates),
        )

    def _panel(self, sample: Mapping[str, Any]) -> Panel:
        """Return the panel of a sample, with every covariate that a specification names."""
        chosen = {name: sample[name] for name in OF_THE_PANEL if name in sample}
        key = repr(chosen)
        if key not in self.panels:
            own = tuple(one.name for one in self.plan.covariates)
            listed = [own, *self.plan.specifications.covariates]
            chosen["covariates"] = tuple(dict.fromkeys(name for one in listed for name in one))
            with _quiet():
                panel = panel_from_store(vary(self.plan, chosen), self.store)
            # The other decision on suspicious figures is a choice of its own here.
            self.panels[key] = replace(panel, other=None)
        return self.panels[key]

    def _exposure(self, sample: Mapping[str, Any]) -> Exposure:
        chosen = {name: sample[name] for name in OF_THE_EXPOSURE if name in sample}
        key = repr(chosen)
        if key not in self.exposures:
            with _quiet():
                self.exposures[key] = build_exposure(vary(self.plan, chosen), self._panel(sample))
        return self.exposures[key]

    def _design(self, outcome: str, sample: Choices) -> Design | str:
        """Return a sample's design under its rule for councils without a record, or why not."""
        covariates = sample.get("covariates", ())
        if covariates:
            plain = {k: v for k, v in sample.items() if k != "covariates"}
            plain |= {"covariates": ()} if self.plan.covariates else {}
            without = self._design(outcome, plain)
            if isinstance(without, str):
                return without
            beside = _beside(without, self._panel(sample), covariates)
            if beside is not None:
                return beside
        rule = sample.get("no_record", self.plan.no_record)
        # Both rules are built at once; flags of concurrent events are only shown.
        both = sample | {"no_record": "assume_not_exposed"}
        if self.plan.concurrent is not None and self.plan.concurrent.action == "flag":
            both = {"concurrent": "keep"} | both
        key = f"{outcome} {both!r}"
        if key not in self.designs:
            self.designs[key] = self._build(outcome, both)
        design = self.designs[key]
        if isinstance(design, str) or rule == "assume_not_exposed":
            return design if isinstance(design, str) else replace(design, alternative=None)
        return design.alternative or design.alternative_reason

    def _build(self, outcome: str, sample: Choices) -> Design | str:
        try:
            plan = vary(self.plan, sample)
            with _quiet():
                panel, exposure = self._panel(sample), self._exposure(sample)
                return build_design(plan, panel, exposure, outcome, is_described=False)
        except EvallibError as error:
            return error.reasons


def _beside(design: Design, panel: Panel, covariates: tuple[str, ...]) -> Design | None:
    """Return a design with covariates beside its rows; None where some row has no value."""
    values = {name: covariate_values(panel, name, design.full) for name in covariates}
    if any(column.isna().any() for column in values.values()):
        return None
    keys = ["council_code", "period"]
    table = design.full[keys].assign(**values)
    frames = {
        name: getattr(design, name).merge(table, on=keys, how="left")
        for name in ("full", "frame", "group_time_frame")
    }
    return replace(design, **frames, covariates=covariates)


class _quiet(warnings.catch_warnings):
    """Leave out the warnings of our own: each combination would repeat them."""

    def __enter__(self) -> Any:
        entered = super().__enter__()
        warnings.simplefilter("ignore", EvallibWarning)
        return entered
