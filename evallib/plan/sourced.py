"""A plan's source: its name, its file, what was set in place of the file's, and its key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import PrivateAttr

from evallib.plan.parts import Part


class Sourced(Part):
    """Parameters that know where they came from; the source is no parameter itself."""

    _name: str = PrivateAttr(default="plan")
    _path: Path | None = PrivateAttr(default=None)
    _overrides: tuple[str, ...] = PrivateAttr(default=())
    _differences: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def name(self) -> str:
        """The plan's name: the stem of its file, which names its folder of outputs."""
        return self._name

    @property
    def path(self) -> Path | None:
        """The file it was read from; not part of the run's key."""
        return self._path

    @property
    def overrides(self) -> tuple[str, ...]:
        """The keys that were set in place of the file's, in order."""
        return self._overrides

    def effective(self) -> dict[str, Any]:
        """Return every parameter as plain values, defaults included.

        Returns
        -------
        dict
            Text, numbers, lists and dicts only, in the order of the model.
        """
        return self.model_dump(mode="json")

    def differences(self) -> dict[str, Any]:
        """Return what the overrides changed, by dotted key.

        Returns
        -------
        dict
            Plain values; outcomes and covariates are named, not numbered. Empty when nothing
            differs from the file.
        """
        return dict(self._differences)

    def key(self) -> str:
        """Return the sha256 of the effective plan, 64 hexadecimal digits."""
        text = json.dumps(self.effective(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()

    def with_source(
        self, name: str, path: Path, overrides: tuple[str, ...], differences: Mapping[str, Any]
    ) -> Self:
        """Return a copy that knows its name, file and overrides.

        Parameters
        ----------
        name : str
            The plan's name.
        path : pathlib.Path
            Its file.
        overrides : tuple of str
            Keys that were set.
        differences : mapping
            What they changed.

        Returns
        -------
        Plan
            A new plan with equal parameters.
        """
        copy = self.model_copy()
        copy._name, copy._path = name, path
        copy._overrides, copy._differences = overrides, dict(differences)
        return copy
