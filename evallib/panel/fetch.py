"""Fetch a publication and hold it to the hash that is known of it."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from evallib.errors import DataError, Fault
from evallib.panel.sidecars import sha256_of
from evallib.plan import shown_path

_ELSEWHERE = "Name another folder, or remove the file"


def fetch_publication(url: str, sha256: str, folder: Path) -> Path:
    """Fetch a file, unless it is there already, and hold it to its sha256.

    Parameters
    ----------
    url : str
        Address of the file, http or https.
    sha256 : str
        The file's digest, 64 hexadecimal digits.
    folder : Path
        Where the file is kept, under the last part of the address.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        If the address or the digest has not its form, a file of that name is there and differs,
        the address cannot be reached, or what came is not what the digest belongs to: nothing is
        kept then.
    """
    import pooch
    from requests import RequestException

    name = Path(unquote(urlsplit(url).path)).name
    if urlsplit(url).scheme not in ("http", "https") or not name:
        what = "is not the address of a file (http or https)"
        raise DataError([Fault(url, what, "", "Give the address that ends in the file's name")])
    digest = sha256.lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        what = f"'{sha256}' is not a sha256 (64 hexadecimal digits)"
        raise DataError([Fault("sha256", what, "", "Copy the whole digest")])
    path = folder / name
    if path.exists():
        found = sha256_of(path)
        if found == digest:
            return path
        what = f"is there already with sha256 {found[:12]}..., expected {digest[:12]}..."
        raise DataError([Fault(shown_path(path), what, "Nothing was fetched", _ELSEWHERE)])
    was = pooch.get_logger().level
    pooch.get_logger().setLevel(logging.ERROR)
    try:
        pooch.retrieve(url, known_hash=f"sha256:{digest}", fname=name, path=folder)
    except ValueError as error:
        raise DataError([_differs(url, digest, str(error))]) from None
    except (RequestException, OSError) as error:
        what = f"cannot be fetched ({_short(error)})"
        raise DataError([Fault(url, what, "", "Look at the address and the connection")]) from None
    finally:
        pooch.get_logger().setLevel(was)
    return path


def _differs(url: str, expected: str, said: str) -> Fault:
    others = [text for text in re.findall(r"\b[0-9a-f]{64}\b", said) if text != expected]
    came = f"sha256 {others[0][:12]}..." if others else "another sha256"
    return Fault(
        url,
        f"what came has {came}, expected {expected[:12]}...; it was not kept",
        "The publisher has revised the file, or something else stands at the address",
        "Look at the publication; when the new file is the one that is meant, give its sha256",
    )


def _short(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    return type(error).__name__
