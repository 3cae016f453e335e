"""A conformity list as rich text: a table where there is room, else one block a point."""

from __future__ import annotations

from html import escape

from resnet_studio.studies.conformity.checks import Check, Part, State
from resnet_studio.studies.conformity.report import Conformity
from resnet_studio.studies.conformity.texts import shown_checks
from resnet_studio.text import _
from resnet_studio.ui.theme import Role, Theme

_ROLES = {
    State.CONFORMS: Role.OK,
    State.DIFFERS: Role.WARNING,
    State.OPEN: Role.MUTED,
    State.UNKNOWN: Role.ACCENT,
    State.NOT_APPLICABLE: Role.MUTED,
}
_WIDTHS = (17, 19, 30, 34)  # percent: state, topic, this run, the paper


def list_markup(found: Conformity, theme: Theme, *, wide: bool, only_differences: bool) -> str:
    """HTML for a QTextBrowser.

    Each point has its sign and its word, so that colour alone says nothing. Where room is short, what the paper has is
    left out of the points that conform.
    """
    checks = shown_checks(found, only_differences=only_differences)
    if not checks:
        return _('<p style="color:{colour}">Nothing differs.</p>', colour=_colour(theme, Role.MUTED))
    parts = []
    for part in Part:
        of_part = [check for check in checks if check.part is part]
        if of_part:
            own = _("This design") if found.group is None else _("This run")
            parts.append(_table(part, of_part, theme, own) if wide else _blocks(part, of_part, theme))
    return "".join(parts)


def _colour(theme: Theme, role: Role) -> str:
    return theme.colour(role).name()


def _state(check: Check, theme: Theme) -> str:
    weight = "600" if check.state is State.DIFFERS else "400"
    colour = _colour(theme, _ROLES[check.state])
    return f'<span style="color:{colour}; font-weight:{weight}">{check.state.sign}&nbsp;{_(check.state.value)}</span>'


def _paper(check: Check, theme: Theme) -> str:
    return f'{escape(check.paper)} <span style="color:{_colour(theme, Role.MUTED)}">({escape(check.where)})</span>'


def _table(part: Part, checks: list[Check], theme: Theme, own: str) -> str:
    muted, line = _colour(theme, Role.MUTED), _colour(theme, Role.GRID)
    head = "".join(
        f'<td width="{width}%" style="color:{muted}; padding:4px 10px 3px 0">{title}</td>'
        for width, title in zip(_WIDTHS, ("", "", own, _("The paper")), strict=True)
    )
    head = head.replace("></td>", f'><b style="color:{_colour(theme, Role.TEXT)}">{part}</b></td>', 1)
    rows = []
    for check in checks:
        shade = f"color:{muted}; " if check.state is State.NOT_APPLICABLE else ""
        cells = (_state(check, theme), f"<b>{escape(check.topic)}</b>", escape(check.run), _paper(check, theme))
        ground = f' bgcolor="{_colour(theme, Role.RAISED)}"' if check.state is State.DIFFERS else ""
        rows.append(
            f"<tr{ground}>"
            + "".join(
                f'<td style="{shade}padding:4px 10px 4px 0; border-top:1px solid {line}">{cell}</td>' for cell in cells
            )
            + "</tr>"
        )
    return (
        f'<table width="100%" cellspacing="0" style="border-collapse:collapse; margin-bottom:12px">'
        f"<tr>{head}</tr>{''.join(rows)}</table>"
    )


def _blocks(part: Part, checks: list[Check], theme: Theme) -> str:
    muted = _colour(theme, Role.MUTED)
    blocks = [f'<p style="font-weight:600; margin-top:10px; margin-bottom:2px">{part}</p>']
    for check in checks:
        paper = f' <span style="color:{muted}">({escape(check.where)})</span>'
        if check.state is State.NOT_APPLICABLE:
            paper = ""
        elif check.state is not State.CONFORMS:
            paper = _('<br><span style="color:{muted}">Paper:</span> {paper}', muted=muted, paper=_paper(check, theme))
        blocks.append(
            _(
                '<p style="margin-top:3px; margin-bottom:5px"><b>{topic}</b> &nbsp;{state}'
                '<br><span style="color:{muted}">Here:</span> {run}{paper}</p>',
                topic=escape(check.topic),
                state=_state(check, theme),
                muted=muted,
                run=escape(check.run),
                paper=paper,
            )
        )
    return "".join(blocks)
