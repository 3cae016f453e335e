"""What the import dialog says, from what was found out."""

from __future__ import annotations

from resnet_studio.domain.data_sets import Colour
from resnet_studio.domain.enums import Branch, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.imported_weights import Recognition
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.text import _

NO_SIZE = _("The image size is a whole number of pixels, 8 to 1024.")
NO_IMAGES = _("What these weights expect of images is not known; choose above how they are prepared.")
NO_ANSWER = _("Say above which network it is, then it can be imported.")
NO_SET = _("The file holds several sets of weights; choose one above, then it is read.")
NO_COLOURS = _("Give three numbers for each, with commas between them, like 0.485, 0.456, 0.406.")


def network_text(spec: NetworkSpec) -> str:
    """One of several networks with the same weights, in words that tell them apart."""
    parts = [_("no shortcuts")]
    if spec.shortcut is Shortcut.A:
        parts = [
            _("option A, ")
            + (_("zeros at the end") if spec.zero_padding is ZeroPadding.END else _("zeros on both sides"))
        ]
    elif spec.residual:
        parts = [_("option {shortcut}", shortcut=spec.shortcut)]
    if spec.branch is Branch.BOTTLENECK:
        parts.append(
            _("halves in the 3x3") if spec.stride_place is StridePlace.MIDDLE else _("halves in the first 1x1")
        )
    return f"{spec.label}: {', '.join(parts)}"


def assumptions(found: Recognition) -> list[str]:
    """Those that the form itself does not show."""
    shown = ("--image-size", "--stride-place", "--block", "--mean", "--classes")
    return [text for text in found.assumed if not any(option in text for option in shown)]


def parse_colour(text: str) -> Colour | None:
    """Three numbers, None for anything else."""
    try:
        red, green, blue = (float(part) for part in text.replace(";", ",").split(","))
    except ValueError:
        return None
    return red, green, blue


def colour_text(colour: Colour) -> str:
    return ", ".join(f"{value:g}" for value in colour)
