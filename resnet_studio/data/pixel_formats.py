"""Pixels of every mode to RGB of 8 bits, stripe by stripe, so that a large image takes little more than itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from resnet_studio.text import _

_BACKDROP = (255, 255, 255)  # what shows through transparent parts: white, as in most viewers
_STRIPE = 1 << 22  # pixels at a time
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF
_WHITE_IS_ZERO = 0
_UNSIGNED = 1


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB, 8 bits: deep grey scaled, transparent parts white."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image)
    if image.has_transparency_data:
        return _on_backdrop(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def change_note(image: Image.Image) -> str:
    """What :func:`to_rgb` does to ``image`` that a person may not expect, as a sentence; empty for the usual."""
    if image.mode.startswith("I") or image.mode == "F":
        tags = getattr(image, "tag_v2", {})
        if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            return _("Its grey has more than 8 bits and was scaled; white is 0 in this file, so it was inverted.")
        return _("Its grey has more than 8 bits and was scaled.")
    if image.mode in ("RGBA", "LA", "PA") and _without_meaning(image):
        return _("Its transparency hides all of it and was left out.")
    return ""


def _in_stripes(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    width, height = image.size
    rows = max(1, _STRIPE // max(1, width))
    if rows >= height:
        return convert(image)
    made = Image.new("RGB", image.size)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        made.paste(convert(image.crop((0, top, width, bottom))), (0, top))
    return made


def _on_backdrop(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "PA") and _without_meaning(image):
        return _in_stripes(image, lambda part: part.convert("RGBA").convert("RGB"))

    def on_white(part: Image.Image) -> Image.Image:
        backdrop = Image.new("RGBA", part.size, (*_BACKDROP, 255))
        return Image.alpha_composite(backdrop, part.convert("RGBA")).convert("RGB")

    return _in_stripes(image, on_white)


def _without_meaning(image: Image.Image) -> bool:
    """Alpha is 0 everywhere over a picture: the writer left the fourth byte empty, as in many bitmaps of 32 bits."""
    if image.getchannel("A").getextrema() != (0, 0):
        return False
    bands = image.getbands()
    return any(low != high for band in bands[:-1] for low, high in [image.getchannel(band).getextrema()])


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or floating point, to RGB: what is white follows from the format, else from the values."""
    tags = getattr(image, "tag_v2", {})
    inverted = tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    unsigned = image.mode == "I" and bool(tags) and _first(tags.get(_SAMPLE_FORMAT), _UNSIGNED) == _UNSIGNED
    bits = _first(tags.get(_BITS), 0) if image.mode.startswith("I") else 0

    def values(part: Image.Image) -> np.ndarray:
        found = np.asarray(part)
        if unsigned and bits == 32:
            found = found.view(np.uint32)
        return np.nan_to_num(found.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)

    full = _full_scale(image, bits, _largest(image, values))

    def grey(part: Image.Image) -> Image.Image:
        shares = values(part) * np.float32(255.0 / full)
        shares = 255.0 - shares if inverted else shares
        return Image.fromarray(np.clip(shares + 0.5, 0, 255).astype(np.uint8)).convert("RGB")

    return _in_stripes(image, grey)


def _largest(image: Image.Image, values: Callable[[Image.Image], np.ndarray]) -> float:
    width, height = image.size
    rows = max(1, _STRIPE // max(1, width))
    parts = (image.crop((0, top, width, min(height, top + rows))) for top in range(0, height, rows))
    return max((float(values(part).max(initial=0.0)) for part in parts), default=0.0)


def _full_scale(image: Image.Image, bits: int, top: float) -> float:
    """What is white: the format's largest number up to 16 bits, else 1, 255 or 65535, or the largest value there is."""
    if image.mode.startswith("I") and 8 < bits <= 16:
        return max(float(2**bits - 1), top)
    if image.mode == "F":
        return 1.0 if top <= 1.0 else top if top <= 2.0 or top > 255.0 else 255.0
    if image.mode == "I" and image.format in (None, "TIFF") and top <= 255.0 and bits != 16:
        return 255.0
    return 65535.0 if top <= 65535.0 else top


def _first(value: object, otherwise: int) -> int:
    """A tag's first number; some are stored one for each sample."""
    one = value[0] if isinstance(value, tuple) and value else value
    return one if isinstance(one, int) else otherwise
