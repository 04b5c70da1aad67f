"""Lines that `evallib import --guess` prints, and the two files that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evallib.errors import DataError, Fault
from evallib.panel import open_store
from evallib.panel.own.guess import guess_mapping
from evallib.panel.own.guess_text import block_lines
from evallib.panel.own.proposal import Guess
from evallib.plan.files import written_path
from evallib.plan.places import shown_path
from evallib.report.exports import safe_csv_text


def guess_lines(
    given: str, *, sheet: str | None, table: str | None, folder: Path | None, data: str | None
) -> Iterator[str]:
    """Read a table, propose its mapping, write it where asked to, and yield it in lines.

    Parameters
    ----------
    given : str
        A file, or a database's URL.
    sheet, table : str or None
        The sheet or table that is meant.
    folder : pathlib.Path or None
        Where ``NAME.own_data.yml`` goes, and ``NAME.names.csv`` where names are doubtful; nothing
        is written unless given, and nothing that is there is overwritten.
    data : str or None
        A folder of the shape of data/raw.

    Yields
    ------
    str
        The block of a plan, comments included, and last the files that were written.
    """
    guess = guess_mapping(given, open_store(data), sheet=sheet, table=table)
    if folder is None:
        yield from block_lines(guess, "")
        return
    stem = _stem(guess)
    names = folder / f"{stem}.names.csv"
    block = folder / f"{stem}.own_data.yml"
    lines = list(block_lines(guess, written_path(names)))
    texts = {block: "\n".join(lines) + "\n"}
    if len(guess.doubtful):
        texts[names] = safe_csv_text(guess.doubtful)
    _write(texts)
    yield from lines
    yield from (f"# written: {shown_path(path)}" for path in texts)


def _stem(guess: Guess) -> str:
    name = guess.source.get("table") or Path(guess.source["file"]).stem
    sheet = guess.source.get("sheet", "")
    words = "".join(c if c.isalnum() or c in "-_" else " " for c in f"{name} {sheet}").split()
    return "_".join(words)[:80] or "table"


def _write(texts: dict[Path, str]) -> None:
    """Write all files or none; a file that is there is never overwritten."""
    there = [path for path in texts if path.exists()]
    if there:
        why = "What was filled in by hand would be lost"
        raise DataError(
            [
                Fault(shown_path(p), "is there already", why, "Name another folder with --to")
                for p in there
            ]
        )
    written: list[Path] = []
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="") as file:
                written.append(path)
                file.write(text)
        except OSError as error:
            for one in written:
                one.unlink(missing_ok=True)
            what = f"cannot be written ({error.strerror or error})"
            remedy = "Name another folder with --to"
            raise DataError([Fault(shown_path(path), what, "", remedy)]) from None
