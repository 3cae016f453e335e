"""Which database a URL names, and how people are told of it: never with a password."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from resnet_studio.domain.errors import UserError
from resnet_studio.text import _

DRIVER = "postgresql+psycopg"
SCHEMES = ("postgresql", "postgres", DRIVER)


def url_of(text: str) -> URL:
    """The database that ``text`` names, for psycopg 3.

    Raises:
        UserError: If it is malformed or names no database.
    """
    try:
        found = make_url(text)
    except ArgumentError:
        found = None
    except ValueError:  # of int()
        raise (_at_sign() if text.count("@") > 1 else _bad_port()) from None
    if found is None or found.drivername not in SCHEMES or not found.database:
        raise UserError(
            _("The URL of the history names no database; write postgresql://USER@SERVER/DATABASE, percent-encoded.")
        )
    if "@" in (found.host or ""):
        raise _at_sign()
    if found.port is not None and not 0 < found.port < 65536:
        raise _bad_port()
    return found.set(drivername=DRIVER)


def _at_sign() -> UserError:
    return UserError(
        _("The URL of the history holds an @ too many: in a name or a password it is written %40 (and / is %2F).")
    )


def _bad_port() -> UserError:
    return UserError(
        _("The port in the URL of the history is no number from 1 to 65535; correct what stands behind the server's :.")
    )


def where(url: URL) -> str:
    """``DATABASE on SERVER``; a socket's folder counts as a server."""
    host = url.host or url.query.get("host") or _("this machine")
    server = ", ".join(host) if isinstance(host, tuple) else str(host)
    port = f":{url.port}" if url.port else ""
    return _("{database} on {server}", database=url.database, server=f"{server}{port}")
