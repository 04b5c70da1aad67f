"""The description beside a table: where it comes from, its licence, its bytes, its columns.

Beside ``waste.csv`` lies ``waste.meta.yml``. In ``data/raw`` it must be there and its sha256 must
be that of the table; for a folder that a user brings it is optional, and a differing sha256 is
only noted.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from evallib.errors import DataError, Fault, did_you_mean
from evallib.panel.register_facts import RegisterFacts

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
ColumnType = Literal[
    "text", "code", "category", "integer", "number", "date", "calendar year", "financial year"
]
Licence = Literal["OGL-UK-3.0", "compiled for this project", "not recorded"]

OGL_ATTRIBUTION = (
    "Contains public sector information licensed under the Open Government Licence v3.0."
)
SUFFIX = ".meta.yml"
_QUICK = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Column(BaseModel):
    """What one column of a table holds.

    Parameters
    ----------
    description : str
        What the column says about a row.
    type : ColumnType
        The kind of value. A date may stop at the month or the year.
    unit : str
        The unit of a figure, ``none`` where there is no unit.
    missing : str
        What an empty cell, or a row that is not there, means.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Text
    type: ColumnType
    unit: Text
    missing: Text


class Sidecar(BaseModel):
    """What is known about one table.

    Parameters
    ----------
    title, publisher, publication : str
        What the table is, who published its contents and where; ``not recorded`` where the
        tables do not say.
    licence : {'OGL-UK-3.0', 'compiled for this project', 'not recorded'}
        The terms under which the contents may be used.
    attribution : str
        The sentence that a publication which uses the table must carry.
    accessed : datetime.date or 'not recorded'
        The day on which the contents were taken from their source.
    sha256 : str
        Digest of the table's bytes, 64 lower-case hexadecimal digits.
    rows : int
        Rows below the header.
    columns : mapping of str to Column
        The columns in the order of the table.
    notes : tuple of str
        What else a user must know; may be empty.
    register : RegisterFacts, optional
        For a register of events: its kinds, and the day up to which it speaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Text
    publisher: Text
    publication: Text
    licence: Licence
    attribution: Text
    accessed: datetime.date | Literal["not recorded"]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    rows: Annotated[int, Field(ge=0)]
    columns: Annotated[Mapping[str, Column], Field(min_length=1)]
    notes: tuple[Text, ...] = ()
    register: RegisterFacts | None = Field(default=None, exclude_if=lambda facts: facts is None)


def sidecar_path(table_path: Path) -> Path:
    """Return the place of a table's sidecar.

    Parameters
    ----------
    table_path : Path
        A table, whether or not it exists.

    Returns
    -------
    Path
        The same folder and stem with the ending ``.meta.yml``. That of a Parquet file begins with
        an underscore, so that readers of partitioned data pass over it.

    Examples
    --------
    >>> sidecar_path(Path("outcomes/waste.csv")).as_posix()
    'outcomes/waste.meta.yml'
    """
    before = "_" if table_path.suffix == ".parquet" else ""
    return table_path.with_name(before + table_path.stem + SUFFIX)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes.

    Parameters
    ----------
    path : Path
        A file that can be read.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sidecar(path: Path) -> Sidecar:
    """Read the description that lies beside a table.

    Parameters
    ----------
    path : Path
        A file ``<stem>.meta.yml``.

    Returns
    -------
    Sidecar
        The checked description.

    Raises
    ------
    DataError
        If the file cannot be read, is not UTF-8 or not YAML, or lacks, misspells or misfills a
        key; every fault at once.
    """
    place = _shown(path)
    try:
        content = _load_yaml(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        what = f"byte {error.start + 1} is not UTF-8"
        raise DataError([_fault(place, what, "save the file as UTF-8")]) from error
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise DataError([_fault(place, what, "make the file readable")]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise DataError([_fault(place, _yaml_problem(error), "mend the YAML there")]) from error
    if not isinstance(content, dict):
        what = "holds no keys" if content is None else "is not a list of keys with values"
        raise DataError([_fault(place, what, "write it as the sidecars in data/raw are")])
    try:
        return Sidecar.model_validate(content)
    except ValidationError as error:
        raise DataError(_faults_of(place, error)) from error


def check_sidecar(
    table_path: Path, *, strict: bool, digest: str = ""
) -> tuple[Sidecar | None, list[Fault], list[str]]:
    """Hold a table against the description beside it.

    Parameters
    ----------
    table_path : Path
        The table; a missing table is a fault.
    strict : bool
        True for ``data/raw``: the sidecar must be there and its sha256 must be the table's.
        False for a folder that a user brings: the sidecar is optional, a differing sha256 is
        noted. A sidecar that is there must be well formed either way.
    digest : str
        The table's sha256 where it is known already.

    Returns
    -------
    sidecar : Sidecar or None
        The description; None where there is none or it cannot be used.
    faults : list of Fault
        What must be mended before the table may be used.
    notes : list of str
        Facts that belong in the record of a run.
    """
    place, path = _shown(table_path), sidecar_path(table_path)
    try:
        digest = digest or sha256_of(table_path)
    except OSError as error:
        what = f"the table cannot be read ({error.strerror or error})"
        return None, [_fault(place, what, "put the table there or make it readable", "")], []
    if not path.exists():
        if not strict:
            return None, [], [f"{place}: no sidecar; source and licence are not recorded."]
        why = "without it the source and licence of the figures are unknown"
        what = f"its sidecar {path.name} is missing"
        return None, [_fault(place, what, "restore it from the repository", why)], []
    try:
        sidecar = read_sidecar(path)
    except DataError as error:
        return None, list(error.faults), []
    if digest == sidecar.sha256:
        return sidecar, [], []
    what = f"sha256 is {digest[:12]}..., its sidecar {path.name} records {sidecar.sha256[:12]}..."
    if not strict:
        return sidecar, [], [f"{place}: {what}."]
    why = "the table is not the one that its source and checks belong to"
    remedy = "restore the file, or put a table of your own in another folder and give it as --data"
    return sidecar, [_fault(place, what, remedy, why)], []


def _load_yaml(text: str) -> Any:
    """Return the content of a YAML text; the plain reader tells what is wrong with one."""
    try:
        return yaml.load(text, Loader=_QUICK)  # noqa: S506, both are safe loaders
    except yaml.YAMLError:
        return yaml.safe_load(text)


def _fault(
    place: str, what: str, remedy: str, why: str = "the table's source and licence stand in it"
) -> Fault:
    return Fault(where=place, what=what, why=why, remedy=remedy)


def _shown(path: Path) -> str:
    """Return a path as a user would type it: relative where it lies below the working folder."""
    whole = path.absolute()
    base = Path.cwd()
    return (whole.relative_to(base) if whole.is_relative_to(base) else whole).as_posix()


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}: not valid YAML ({problem})" if mark else f"not valid: {problem}"


def _faults_of(place: str, error: ValidationError) -> list[Fault]:
    """Return one fault a key, where alternatives of one key would give several."""
    by_key: dict[str, Fault] = {}
    for item in error.errors(include_url=False):
        key = _key_of(item["loc"])
        if key not in by_key:
            by_key[key] = _fault(place, *_problem_of(key, item))
    return list(by_key.values())


def _key_of(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location]
    return parts[0] if parts[0] == "accessed" else ".".join(parts)


def _problem_of(key: str, item: Mapping[str, Any]) -> tuple[str, str]:
    """Return what is wrong with a key and what to do about it."""
    if item["type"] == "missing":
        return f"the key '{key}' is missing", "add it ('not recorded' where nobody knows)"
    if item["type"] == "extra_forbidden":
        known = Column.model_fields if key.startswith("columns.") else Sidecar.model_fields
        hint = did_you_mean(key.rsplit(".", 1)[-1], known)
        return f"the key '{key}' is not known.{hint}", "correct or remove it"
    if item["type"] == "plan_problem":
        return f"'{key}' {item['ctx']['what']}", str(item["ctx"]["remedy"])
    if item["type"] in ("model_type", "model_attributes_type"):
        return f"'{key}' is {item['input']!r}, not keys with values", "write keys with values"
    if key == "accessed":
        return f"'accessed' is {item['input']!r}", "write a date (2025-01-31) or 'not recorded'"
    return f"'{key}' is {item['input']!r}: {item['msg'].lower()}", "correct the value"
