"""The adaptors on the publications themselves, held to the shipped tables figure by figure.

The publications are not part of the project; without them these tests are skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from evallib.panel.importers import SOURCES, Extract, Options, import_publication, write_extract
from evallib.panel.store import load_store

ROOT = Path(__file__).parents[1]
PUBLICATIONS = ROOT.parent / "shared" / "publications"
RAW = ROOT / "data" / "raw"
KEY = ["council_code", "fin_year", "indicator"]
FILES = {
    "defra_waste": "defra/LA_collection.ods",
    "defra_flytipping": "defra/flytipping_la.ods",
    "mhclg_revenue_outturn": "mhclg/*.xls*",
    "dfe_lait": "dfe/bds_long_0.parquet",
    "asc_explorer": "dhsc/ASC_data.csv",
    "ofsted_ilacs": "ofsted/*.xlsx",
    "ons_explore": "ons/*.csv",
}
# Source, figures in both, figures of the shipped table that the files lack, and the reverse.
EQUAL = [
    ("defra_waste", 14_744, 0, 0),
    ("defra_flytipping", 3_511, 0, 0),
    ("asc_explorer", 5_176, 0, 0),
    ("dfe_lait", 13_344, 0, 0),
    ("mhclg_revenue_outturn", 5_280, 3_186, 9),
]
NORTH_YORKSHIRE, RETIRED_NORTHUMBERLAND = "E10000023", "E10000022"

pytestmark = pytest.mark.skipif(
    not PUBLICATIONS.is_dir(), reason="the publications are not here (../shared/publications)"
)


def paths_of(source: str) -> list[Path]:
    return sorted(PUBLICATIONS.glob(FILES[source]))


@pytest.fixture(scope="module")
def extracts() -> dict[str, Extract]:
    """Read each source once."""
    options = Options(accept_layout=False, data=RAW)
    return {
        name: import_publication(SOURCES[name], paths_of(name), options) for name in sorted(FILES)
    }


def beside(extract: Extract, source: str) -> pd.DataFrame:
    """Put the shipped figures (value_x) beside the imported ones (value_y)."""
    shipped = pd.read_csv(RAW / "outcomes" / f"{SOURCES[source].becomes}.csv")
    return shipped.merge(extract.frame, on=KEY, how="outer", indicator="found")


@pytest.mark.parametrize(("source", "both", "shipped_only", "imported_only"), EQUAL)
def test_figures_agree_to_six_digits(
    extracts: dict[str, Extract], source: str, both: int, shipped_only: int, imported_only: int
) -> None:
    table = beside(extracts[source], source)
    counts = table["found"].value_counts()
    wanted = {"both": both, "left_only": shipped_only, "right_only": imported_only}
    assert counts.to_dict() == wanted
    shared = table[table["found"] == "both"]
    shown = shared[["value_x", "value_y"]].map("{:.6g}".format)
    assert shared[shown["value_x"] != shown["value_y"]].empty


def test_every_difference_of_revenue_outturn_is_explained(extracts: dict[str, Extract]) -> None:
    """Three early files are not here; North Yorkshire's code depends on the year of the file."""
    table = beside(extracts["mhclg_revenue_outturn"], "mhclg_revenue_outturn")
    left = table[table["found"] == "left_only"]
    early = left["fin_year"] < "2013/14"
    assert sorted(left.loc[early, "fin_year"].unique()) == ["2010/11", "2011/12", "2012/13"]
    assert early.sum() == 3 * 3 * 353
    right = table[table["found"] == "right_only"]
    assert set(left.loc[~early, "council_code"]) == {RETIRED_NORTHUMBERLAND}
    assert set(right["council_code"]) == {NORTH_YORKSHIRE}
    assert set(right["fin_year"]) == {"2013/14", "2014/15", "2016/17"}
    pairs = left[~early].merge(right, on=["fin_year", "indicator"])
    assert len(pairs) == 9
    assert (pairs["value_x_x"].round() == pairs["value_y_y"].round()).all()


def test_shared_numbers_are_dated(extracts: dict[str, Extract]) -> None:
    frame = extracts["dfe_lait"].frame
    for before, after, first in (
        ("E10000002", "E06000060", "2020/21"),
        ("E10000023", "E06000065", "2023/24"),
        ("E10000027", "E06000066", "2023/24"),
    ):
        assert frame.loc[frame["council_code"] == before, "fin_year"].max() < first
        assert frame.loc[frame["council_code"] == after, "fin_year"].min() == first


def test_imported_tables_load_and_are_corrected_like_the_shipped_ones(
    extracts: dict[str, Extract], tmp_path: Path
) -> None:
    """Codes and figures are as published on import; corrections.csv is applied on load."""
    folder = tmp_path / "raw"
    shutil.copytree(RAW, folder)
    for source in ("defra_waste", "defra_flytipping", "asc_explorer", "dfe_lait"):
        target = folder / "outcomes"
        write_extract(extracts[source], SOURCES[source], paths_of(source), target, replace=True)
    imported, shipped = load_store(folder, strict=True), load_store(RAW)
    assert len(imported.corrections) == len(shipped.corrections)
    names = [name for name in shipped.outcomes.columns if name != "value"]
    assert imported.outcomes[names].equals(shipped.outcomes[names])
    shown = [store.outcomes["value"].map("{:.6g}".format) for store in (imported, shipped)]
    assert (shown[0] == shown[1]).all()


def test_what_has_no_shipped_counterpart(extracts: dict[str, Extract]) -> None:
    judgements = extracts["ofsted_ilacs"]
    assert len(judgements.frame) == 151
    assert judgements.frame["year"].min() == 2022  # the shipped table ends in 2019
    series = extracts["ons_explore"]
    assert series.frame["indicator"].nunique() == 3
    assert len(series.frame) == 10_910
    assert series.marks == {"x": 61}


def test_marks_of_the_publications_are_counted(extracts: dict[str, Extract]) -> None:
    assert extracts["defra_waste"].marks == {"-": 2_896}
    assert extracts["defra_flytipping"].marks == {":": 20}
    assert extracts["mhclg_revenue_outturn"].marks == {"…": 6}
    assert extracts["dfe_lait"].marks == {"-": 718}
    assert extracts["asc_explorer"].marks == {"empty cell": 288}


def test_joint_returns_belong_to_no_council(extracts: dict[str, Extract]) -> None:
    assert extracts["defra_waste"].left_out == {
        "areas that are no English council (codes E50...)": 90,
        "a joint return of E07000150 / E07000153": 2,
        "totals": 130,
    }
