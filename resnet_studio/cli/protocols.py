"""The options that name a test protocol."""

from __future__ import annotations

from typing import Annotated

import typer

from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.text import _

ProtocolOption = Annotated[
    str,
    typer.Option(
        metavar=f"<{'|'.join(ProtocolKind)}>",
        help=_(
            "single: the view that training tests on. centre-crop, ten-crop: squares of the resized image. "
            "multi-scale: the whole image at several sizes."
        ),
    ),
]
ResizeOption = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="PIXELS", help=_("Crops: shorter side before cropping; 256 for each 224 of the size if unset.")
    ),
]
ScalesOption = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help=_("multi-scale: shorter sides; the paper's 224,256,384,480,640 if unset.")),
]
FlipOption = Annotated[bool, typer.Option("--flip", help=_("multi-scale: each size is also seen mirrored."))]


def protocol_from_options(kind: str, resize: int | None, scales: str | None, flip: bool) -> Protocol:
    """Raises UserError for one that does not exist, or an option that it does not read."""
    if kind not in list(ProtocolKind):
        raise UserError(
            _(
                "The protocol {kind!r} is not known; choose {protocolkind}.",
                kind=kind,
                protocolkind=", ".join(ProtocolKind),
            )
        )
    values: dict[str, object] = {"kind": kind, "flip": flip}
    if resize is not None:
        values["resize"] = resize
    if scales is not None:
        try:
            values["scales"] = tuple(int(scale) for scale in scales.replace(",", " ").split())
        except ValueError:
            raise UserError(
                _("Scales are whole numbers of pixels, like 224,256; {scales!r} is not.", scales=scales)
            ) from None
        if not values["scales"]:
            raise UserError(_("At least one scale is needed; write --scales 224,256, or leave it out."))
    try:
        return parse(Protocol, values)
    except SpecError as error:
        named = {f"--{path.partition('.')[0]}" if path else "": text for path, text in reversed(error.fields.items())}
        raise SpecError(named) from None
