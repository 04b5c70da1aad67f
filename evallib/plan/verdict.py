"""The thresholds of the decision rule."""

from __future__ import annotations

from collections.abc import Iterator

from evallib.plan.broken import Broken, Known
from evallib.plan.fields import Number, parameter
from evallib.plan.parts import Part

# Breakdown values are not told apart beyond this: see `evallib.honest_did`.
LARGEST_BREAKDOWN = 5.0


class VerdictRule(Part):
    """The thresholds at which the decision rule tells one verdict from the next."""

    breakdown_suggestive: Number = parameter(
        "A breakdown value under it is named as the reason for suggestive; from it to "
        "breakdown_consistent the rule leaves a gap, which goes to suggestive too.",
        kind="number",
        unit="times the largest drift before exposure",
        allowed="0 to breakdown_consistent",
        default=0.5,
    )
    breakdown_consistent: Number = parameter(
        "The smallest breakdown value for consistent with improvement or decline.",
        kind="number",
        unit="times the largest drift before exposure",
        allowed="breakdown_suggestive to 5",
        default=1.0,
    )
    selected_share: Number = parameter(
        "Consistent asks that selected placebos move by less than this share of the estimate.",
        kind="number",
        unit="share of the estimate",
        allowed="above 0, at most 0.5: from there on the audit itself says not ruled out",
        default=0.5,
    )
    permutation_p: Number = parameter(
        "Consistent asks for a permutation p-value, adjusted by Holm's rule, below it.",
        kind="number",
        unit="share",
        allowed="above 0 and below 0.5",
        default=0.05,
    )

    def changed(self) -> tuple[tuple[str, float, float], ...]:
        """Return the thresholds that are not the default's: key, value, default.

        Examples
        --------
        >>> VerdictRule(permutation_p=0.01).changed()
        (('permutation_p', 0.01, 0.05),)
        """
        return tuple(
            (name, getattr(self, name), field.default)
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default
        )


def verdict_rules(known: Known) -> Iterator[Broken]:
    """Yield thresholds that are out of range, or the wrong way round."""
    rule: VerdictRule = known["verdict"]
    low, high = rule.breakdown_suggestive, rule.breakdown_consistent
    if not 0 <= low <= high <= LARGEST_BREAKDOWN:
        yield Broken(
            ("verdict", "breakdown_suggestive"),
            f"{low:g} and breakdown_consistent {high:g} are not in order between 0 and "
            f"{LARGEST_BREAKDOWN:g}",
            "suggestive ends where consistent begins, or before",
            "write like breakdown_suggestive: 0.5 and breakdown_consistent: 1",
        )
    for key, most, reaches in (("selected_share", 0.5, True), ("permutation_p", 0.5, False)):
        value = getattr(rule, key)
        if not (0 < value < most or (reaches and value == most)):
            yield Broken(
                ("verdict", key),
                f"is {value:g}, but it must be above 0 and {'at most' if reaches else 'below'} "
                f"{most:g}",
                "",
                "write it as a share, like 0.05",
            )
