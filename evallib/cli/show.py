"""Lines of text that commands print."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from evallib.errors import EvallibError
from evallib.plan import json_schema, list_parameters, list_plans, load_plan
from evallib.run.folders import MANIFEST, list_runs, mend_all, outputs_folder

if TYPE_CHECKING:
    from evallib.run.council import CouncilProfile

_WIDTH = 100


def plan_lines() -> Iterator[str]:
    """Yield a line a plan."""
    names = list_plans()
    yield "Plans" if names else "Plans: none; `evallib new NAME` starts one"
    for name in names:
        try:
            title = load_plan(name).title
        except EvallibError as error:
            title = f"cannot be used: {len(error.faults)} faults, see `evallib validate {name}`"
        yield f"  {name}  {title}"


def run_lines(out: str | None) -> Iterator[str]:
    """Yield a line a run, newest first within each evaluation."""
    folder = outputs_folder(out)
    mend_all(folder)
    runs = list_runs(folder)
    yield "Runs" if runs else "Runs: none yet"
    for run in runs:
        try:
            manifest = json.loads((run.final / MANIFEST).read_text(encoding="utf-8"))
            bad = [one["name"] for one in manifest["notebooks"] if one["status"] != "ok"]
            made = f"{manifest['created'][:16].replace('T', ' ')} UTC"
        except (OSError, ValueError, KeyError, TypeError):
            yield f"  {run.evaluation.name}  {run.run_id}  its manifest cannot be read"
            continue
        state = f"not complete: {', '.join(bad)}" if bad else "complete"
        yield f"  {run.evaluation.name}  {run.run_id}  {made}  {state}"


def parameter_lines() -> Iterator[str]:
    """Yield every parameter with type, unit, allowed values, default and help."""
    for one in list_parameters():
        yield one.key
        facts = (
            *(("type", one.kind), ("unit", one.unit), ("allowed", one.allowed)),
            *(("default", one.default), ("help", one.help)),
        )
        for word, text in facts:
            first = f"  {word + ':':9}"
            yield from textwrap.wrap(
                text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
            )


def schema_lines() -> Iterator[str]:
    """Yield the JSON schema of a plan."""
    yield json.dumps(json_schema(), indent=2, ensure_ascii=False)


def council_lines(profile: CouncilProfile) -> Iterator[str]:
    """Yield what the tables hold for one council."""
    yield f"{profile.name} ({profile.code}): {profile.council_type}, {profile.region}"
    yield ""
    yield "Events" if len(profile.events) else "Events: none recorded; that is not 'never exposed'"
    for event in profile.events.to_dict("records"):
        until = f" to {event['end_date']}" if event["end_date"] else ""
        aside = f" (not used: {event['set_aside']})" if event["set_aside"] else ""
        yield (
            f"  {event['start_date'] or 'no date'}{until}  {event['kind']}, {event['register']}, "
            f"{event['confidence'] or 'no'} confidence{aside}"
        )
    for indicator, rows in profile.series.groupby("indicator", sort=False):
        first = rows.iloc[0]
        yield ""
        yield f"{indicator}: {first['title']} ({first['unit']})"
        for row in rows.to_dict("records"):
            yield (
                f"  {row['fin_year']}  {row['value']:>12,.2f}   median of {row['n_councils']} "
                f"councils of its type {row['type_median']:>12,.2f}"
            )
    yield ""
    yield "Years without a figure" if len(profile.gaps) else "Years without a figure: none"
    for gap in profile.gaps.to_dict("records"):
        yield f"  {gap['indicator']}: {gap['years']}"
