"""By which characteristics of councils effects are told apart, and where eras begin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from evallib.plan.broken import Broken, Known

CharacteristicName = Literal[
    "council_type",
    "tier",
    "region",
    "deprivation",
    "rurality",
    "prior_performance",
    "first_or_repeat",
    "era",
]


def era_rules(known: Known) -> Iterator[Broken]:
    """Yield what is wrong when the era is a characteristic and no year opens one."""
    if "era" in known["heterogeneity"] and not known["eras"]:
        yield Broken(
            ("heterogeneity",),
            "'era' is listed, but eras is empty",
            "nothing says when one era ends and the next begins",
            "give eras, like [2023/24], or take era out",
        )
