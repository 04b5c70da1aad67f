"""Tables of one's own: read, checked as strictly as the project's, and joined to them."""

from evallib.panel.own.join import with_own_data

__all__ = ["with_own_data"]
