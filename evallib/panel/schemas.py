"""What every table must hold: one schema a table, its failures told as faults.

Tables are checked while they are still text, so that a message can quote what stands in the
file. A table first meets every rule once for each different cell; only one that breaks a rule
goes through pandera, which finds all that is wrong with it, row by row, by the same rules. After
a table has passed, `typed` turns its columns into numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from evallib.errors import Fault, did_you_mean, first_five

CODE = r"E\d{8}"
YEAR = r"\d{4}/\d{2}"
NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?"
DATE = r"\d{4}(-\d{2}(-\d{2})?)?"
COUNCIL_TYPES = ("county", "district", "london borough", "metropolitan district", "unitary")
PRECISIONS = ("day", "month", "year", "financial_year")
CONFIDENCES = ("low", "medium", "high")
POLARITIES = ("higher", "lower", "none")
CHANGES = ("recode", "merged into")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a table holds.

    Parameters
    ----------
    pattern : str
        Regular expression that a cell must match in full; empty for free text.
    says : str
        What the pattern means, in words, for the message.
    allowed : tuple of str
        The only values that a cell may have; empty for no such list.
    optional : bool
        Whether a cell may be empty.
    number : bool
        Whether the column becomes a number.
    """

    pattern: str = ""
    says: str = ""
    allowed: tuple[str, ...] = ()
    optional: bool = False
    number: bool = False


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Columns of a table, what identifies a row, and which columns name the place of a fault."""

    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    place: tuple[str, ...] = field(default=())


_code = Column(CODE, "a council code (E and eight digits)")
_any_code = Column(CODE, "a council code (E and eight digits)", optional=True)
_number = Column(NUMBER, "a number", number=True)
_whole = Column(r"\d+", "a whole number", number=True)
_text = Column()
_free = Column(optional=True)
_day = Column(r"\d{4}-\d{2}-\d{2}", "a date YYYY-MM-DD", optional=True)

_EVENTS = TableSpec(
    {
        "council_code": _any_code,
        "council_name": _text,
        "kind": Column(r"[a-z][a-z0-9_]*", "a kind in lower case with underscores"),
        "start_date": Column(DATE, "a date YYYY, YYYY-MM or YYYY-MM-DD"),
        "date_precision": Column(allowed=PRECISIONS),
        "end_date": Column(DATE, "a date YYYY, YYYY-MM or YYYY-MM-DD", optional=True),
        "end_status": _text,
        "confidence": Column(allowed=CONFIDENCES),
        "source_title": _free,
        "source_url": _free,
        "note": _free,
    },
    place=("council_code", "start_date"),
)

OUTCOMES = TableSpec(
    {
        "council_code": _code,
        "fin_year": Column(YEAR, "a financial year such as 2015/16"),
        "indicator": Column(r"[a-z][a-z0-9_]*", "an indicator's name"),
        "value": _number,
    },
    key=("council_code", "fin_year", "indicator"),
    place=("council_code", "fin_year"),
)
REGISTER = _EVENTS

TABLES: dict[str, TableSpec] = {
    "councils.csv": TableSpec(
        {
            "council_code": _code,
            "council_name": _text,
            "council_type": Column(allowed=COUNCIL_TYPES),
            "region": _text,
            "county_code": _any_code,
            "valid_from": _day,
            "valid_to": _day,
            "successor_codes": Column(rf"{CODE}(;{CODE})*", "codes joined by ;", optional=True),
            "former_codes": Column(rf"{CODE}(;{CODE})*", "codes joined by ;", optional=True),
        },
        key=("council_code",),
        place=("council_code",),
    ),
    "code_changes.csv": TableSpec(
        {
            "old_code": _code,
            "new_code": _code,
            "council_name": _text,
            "change": Column(allowed=CHANGES),
            "effective_from": Column(r"\d{4}-\d{2}-\d{2}", "a date YYYY-MM-DD"),
        },
        key=("old_code", "new_code"),
        place=("old_code",),
    ),
    "corrections.csv": TableSpec(
        {
            "file": _text,
            "council_code": _code,
            "fin_year": Column(YEAR, "a financial year such as 2015/16"),
            "indicator": _text,
            "column": Column(allowed=("value", "council_code")),
            "published": _text,
            "corrected": _free,
            "reason": _text,
        },
        key=("file", "council_code", "fin_year", "indicator", "column"),
        place=("council_code", "fin_year"),
    ),
    "indicators.csv": TableSpec(
        {
            "indicator": Column(r"[a-z][a-z0-9_]*", "a name in lower case with underscores"),
            "title": _text,
            "unit": _text,
            "polarity": Column(allowed=POLARITIES),
            "scale_by": _free,
            "reporting_tier": _text,
            "period_basis": _text,
            "publisher": _text,
            "publication": _text,
            "licence": _text,
            "known_breaks": _free,
        },
        key=("indicator",),
        place=("indicator",),
    ),
    "deprivation.csv": TableSpec(
        {
            "council_code": _code,
            "imd_release": _whole,
            "boundary_year": _whole,
            "imd_average_score": _number,
            "share_of_lsoas_in_most_deprived_decile": _number,
        },
        key=("council_code", "imd_release", "boundary_year"),
        place=("council_code",),
    ),
    "population.csv": TableSpec(
        {"council_code": _code, "year": _whole, "population_count": _whole},
        key=("council_code", "year"),
        place=("council_code", "year"),
    ),
    "rural_urban.csv": TableSpec(
        {"council_code": _code, "rural_urban_class": _text, "share_population_rural": _number},
        key=("council_code",),
        place=("council_code",),
    ),
    "published_totals.csv": TableSpec(
        {
            "register": _text,
            "kinds": Column(r"[a-z0-9_]+(;[a-z0-9_]+)*", "kinds joined by ;"),
            "from_date": Column(DATE, "a date", optional=True),
            "to_date": Column(DATE, "a date"),
            "councils_published": _whole,
            "basis": Column(allowed=("exactly", "more than")),
            "label": _text,
            "source": _text,
        },
        place=("label",),
    ),
    "ofsted_childrens_judgements.csv": TableSpec(
        {
            "council_code": _code,
            "framework": _text,
            "year": _whole,
            "judgement": _text,
        },
        place=("council_code", "year"),
    ),
}
_NOUNS = {
    "council_code": "council",
    "council_name": "named",
    "old_code": "council",
    "fin_year": "year",
    "year": "year",
    "start_date": "date",
    "indicator": "indicator",
}


def check_table(frame: pd.DataFrame, spec: TableSpec, label: str) -> list[Fault]:
    """Return what is wrong with a table that has been read as text.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table as `read_text_table` returns it.
    spec : TableSpec
        What it must hold.
    label : str
        How messages name the file.

    Returns
    -------
    list of Fault
        One fault a kind of failure and column, with the first five places and their number.
    """
    missing = [name for name in spec.columns if name not in frame.columns]
    if len(missing) == len(spec.columns):
        return [
            Fault(
                label,
                f"has none of the columns {', '.join(spec.columns)} "
                f"(it has: {first_five(list(frame.columns))})",
                "It is another table, or its cells are not separated by commas",
                "Save it as comma-separated CSV, or move it out of the folder",
            )
        ]
    if missing:
        return [
            Fault(
                f"{label}, column {name}",
                f"is missing (the file has: {', '.join(frame.columns)})."
                + did_you_mean(name, frame.columns),
                "Every analysis reads this column by its name",
                "Add the column or mend its name in the header",
            )
            for name in missing
        ]
    if keeps_rules(frame, spec):
        return []
    return _faults(_failures(frame, spec), frame, spec, label)


def typed(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Return a checked table with its number columns as floats and only the known columns."""
    table = frame[list(spec.columns)].copy()
    for name, column in spec.columns.items():
        if column.number:
            table[name] = table[name].astype(float)
    return table


def _rules(column: Column) -> dict[str, Callable[[pd.Series], pd.Series]]:
    """Return the rules of a column: each says of every cell whether it keeps the rule."""

    def filled(cells: pd.Series) -> pd.Series:
        return cells.str.strip() != ""

    def allowed(cells: pd.Series) -> pd.Series:
        return cells.isin(column.allowed) | ~filled(cells)

    def matches(cells: pd.Series) -> pd.Series:
        return cells.str.fullmatch(column.pattern) | ~filled(cells)

    rules: dict[str, Callable[[pd.Series], pd.Series]] = {}
    if not column.optional:
        rules["filled"] = filled
    if column.allowed:
        rules["allowed"] = allowed
    if column.pattern:
        rules["pattern"] = matches
    return rules


def keeps_rules(frame: pd.DataFrame, spec: TableSpec) -> bool:
    """Return whether every cell keeps its column's rules and no key stands twice."""
    for name, column in spec.columns.items():
        cells = frame[name].drop_duplicates()
        if not isinstance(cells.dtype, pd.StringDtype):
            return False
        if not all(rule(cells).all() for rule in _rules(column).values()):
            return False
    return not (spec.key and frame.duplicated(list(spec.key)).any())


def _failures(frame: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """Return one row a cell that breaks a rule, and a row a repeated key."""
    import pandera.pandas as pa  # half a second that a table in order need not wait for
    from pandera.errors import SchemaErrors

    schema = pa.DataFrameSchema(
        {
            name: pa.Column(
                str, [pa.Check(rule, name=word) for word, rule in _rules(column).items()]
            )
            for name, column in spec.columns.items()
        },
        unique=list(spec.key) or None,
        report_duplicates="all",
    )
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        found: pd.DataFrame = errors.failure_cases
        return found
    return pd.DataFrame(columns=["check", "column", "index"])


def _faults(
    failures: pd.DataFrame, frame: pd.DataFrame, spec: TableSpec, label: str
) -> list[Fault]:
    faults = []
    repeats = failures[failures["check"].astype(str).str.contains("unique")]
    if len(repeats):
        rows = frame.loc[frame.duplicated(list(spec.key), keep="first")]
        faults.append(
            Fault(
                f"{label}, {place_of(rows, spec.place)}",
                f"the same {', '.join(_NOUNS.get(k, k) for k in spec.key)} stands more than once "
                f"({len(rows)} repeated rows)",
                "It is not known which figure is meant",
                "Keep one row of each",
            )
        )
    rest = failures.drop(repeats.index)
    for (column, check), cases in rest.groupby(["column", "check"], sort=False):
        rows = frame.loc[sorted(set(cases["index"].dropna().astype(int)))]
        described = spec.columns[str(column)]
        quoted = first_five([repr(cell) for cell in dict.fromkeys(rows[str(column)])])
        what, remedy = {
            "filled": ("is empty", "Fill the cell or leave the row out"),
            "allowed": (
                f"{quoted} is not one of {', '.join(described.allowed)}",
                "Use one of these words",
            ),
            "pattern": (
                f"{quoted} is not {described.says}",
                "Mend the cell; where a figure is missing, leave the whole row out",
            ),
        }[str(check)]
        faults.append(
            Fault(
                f"{label}, column {column}, {place_of(rows, spec.place)}",
                what,
                "A cell that cannot be read would be lost without a sign of it",
                remedy,
            )
        )
    return faults


def place_of(rows: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return where rows stand: line, council and year of the first five, and how many more.

    The index says the line; where it has a name, as the rows of a Parquet file have, by that name.
    """
    named = [name for name in columns if name in rows.columns]
    places = []
    for line, row in rows.head(5).iterrows():
        words = [f"{_NOUNS.get(name, name)} {row[name]}" for name in named if row[name]]
        places.append(" ".join([f"{rows.index.name or 'line'} {line}", *words]))
    text = "; ".join(places)
    return text if len(rows) <= 5 else f"{text}; and {len(rows) - 5} more"
