"""Every text that a person reads goes through one of three functions, in every layer.

``_("{runs} runs finished", runs=count)`` translates a text and fills its named fields, ``_n`` also chooses between
singular and plural, and ``N_`` only marks a text that ``_`` translates later, when it is shown. A text is a literal, so
that it can be collected for translators; what varies stands in named fields, with format specifications where needed
(``{error:.1f}``). The language is chosen once, when the first text is needed, and stays for the life of the process:
a text at module level may therefore be translated where it stands.
"""

from __future__ import annotations

from typing import Any

from resnet_studio.text.language import catalogue, log


def _(text: str, /, **fields: Any) -> str:
    """The translation of ``text``, its fields filled in; without fields braces are ordinary characters.

    Raises:
        LookupError: If ``text`` has a field that is not given. A translation with such a fault is replaced by ``text``.
    """
    return _filled(catalogue().gettext(text) if text else text, text, fields)


def _n(one: str, many: str, number: int, /, **fields: Any) -> str:
    """The translation of ``one`` or ``many``, as the language's grammar of ``number`` asks for.

    ``{count}`` in either of them is ``number``, unless another ``count`` is given.
    """
    fields = {"count": number, **fields}
    return _filled(catalogue().ngettext(one, many, number), one if number == 1 else many, fields)


def N_(text: str) -> str:  # noqa: N802
    """``text`` as it is, marked for translators."""
    return text


def _filled(translation: str, source: str, fields: dict[str, Any]) -> str:
    if not fields:
        return translation
    try:
        return translation.format_map(fields)
    except (LookupError, ValueError, AttributeError, TypeError):
        if translation == source:
            raise
        log.warning("the translation %r of %r cannot be filled in", translation, source)
        return source.format_map(fields)
