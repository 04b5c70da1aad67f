"""Notes under a table: each text once, its mark wherever it applies."""

from __future__ import annotations


class NoteBook:
    """Collects the notes of a table while its rows are made.

    Examples
    --------
    >>> notes = NoteBook()
    >>> notes.mark("by permutation"), notes.mark("from the normal"), notes.mark("by permutation")
    ('[note 1]', '[note 2]', '[note 1]')
    >>> notes.texts
    ('by permutation', 'from the normal')
    """

    def __init__(self) -> None:
        self._texts: list[str] = []

    def mark(self, text: str) -> str:
        """Return the mark of a note, which is added where it is new."""
        if text not in self._texts:
            self._texts.append(text)
        return f"[note {self._texts.index(text) + 1}]"

    @property
    def texts(self) -> tuple[str, ...]:
        """The notes in the order of their marks."""
        return tuple(self._texts)
