"""A comparison of networks as JSON and as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from resnet_studio.domain.diff import ORDER, SYMBOLS, Diff, Finding, Verdict
from resnet_studio.text import _


def as_json(found: Diff) -> dict[str, object]:
    """What ``resnet-studio diff --json`` prints: every place where a network differs from its baseline."""
    return {
        "networks": [
            {
                "name": found.names[n],
                "spec": plan.spec.model_dump(mode="json"),
                "depth": plan.depth,
                "parameters": plan.parameters,
                "multiply_adds": plan.multiply_adds,
                "compared_with": None if n == 0 else found.names[found.baselines[n]],
                "differences": found.tally(n).total,
                "layers": _counts(found.tally(n).layers),
                "shortcuts": _counts(found.tally(n).shortcuts),
                "fields": {c.what: [c.before, c.after] for c in found.fields(n)},
            }
            for n, plan in enumerate(found.plans)
        ],
        "differences": list(_differences(found)),
    }


def _counts(counts: Counter[Verdict]) -> dict[str, int]:
    return {str(verdict): counts[verdict] for verdict in ORDER}


def _differences(found: Diff) -> Iterator[dict[str, object]]:
    names = found.names
    for section in found.sections:
        for group in section.groups:
            for n, name in enumerate(names):
                head = {"network": n, "name": name}
                base = found.baselines[n]
                for line, findings in zip(group.group.lines, group.layers, strict=True):
                    item = line[n] or line[base]
                    if findings[n].differs and item is not None:
                        yield {**head, "layer": item.main.name, **_finding_json(findings[n])}
                block = group.group.blocks[n]
                if group.shortcuts[n].differs and block is not None:
                    yield {**head, "shortcut": block.name, **_finding_json(group.shortcuts[n])}


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "verdict": str(finding.verdict),
        "changes": {change.what: [change.before, change.after] for change in finding.changes},
    }


def lines_of_text(found: Diff, n: int) -> Iterator[str]:
    """The differences of network ``n`` for people, runs of like ones in one line."""
    entries = [
        (
            str(entry["verdict"]),
            _reason(entry),
            str(entry.get("layer") or _("shortcut of {shortcut}", shortcut=entry["shortcut"])),
        )
        for entry in _differences(found)
        if entry["network"] == n
    ]
    for (verdict, reason), same in groupby(entries, key=lambda entry: entry[:2]):
        names = [name for _unused, _unused_2, name in same]
        text = (
            names[0]
            if len(names) == 1
            else _("{names} to {names_2} ({names_3})", names=names[0], names_2=names[-1], names_3=len(names))
        )
        yield f"{SYMBOLS[Verdict(verdict)]} {text}{': ' + reason if reason else ''}"


def _reason(entry: dict[str, object]) -> str:
    changes = entry["changes"]
    assert isinstance(changes, dict)
    return ", ".join(f"{what} {before} → {after}" for what, (before, after) in changes.items())
