"""Whether a folder can serve at all, found out before any run is stored: free of torch, fast where all is well."""

from __future__ import annotations

from resnet_studio.data.datasets.describe import describe
from resnet_studio.data.datasets.folder_layout import ImageFile, Layout, refuse_lost_classes, scan
from resnet_studio.data.images import read_image
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home

_ENOUGH = 8  # pixels: a large JPEG need not be decoded whole


def refuse_unreadable(spec: DataSpec, home: Home) -> None:
    """Look for one readable training image of each class and one readable test image of a folder not opened before.

    Other data, and folders whose images were seen already, cost nothing.

    Raises:
        DataError: One sentence, if there is none; as opening the data would say it.
    """
    if spec.folder is None or describe(spec, home).ready:
        return
    layout = scan(spec)
    readable: dict[int, int] = {}
    for file in layout.train:
        if file.label not in readable and _is_readable(layout, file):
            readable[file.label] = 1
    refuse_lost_classes(layout, readable, any(_is_readable(layout, file) for file in layout.test))


def _is_readable(layout: Layout, file: ImageFile) -> bool:
    try:
        read_image(layout.root / file.name, _ENOUGH)
    except DataError:
        return False
    return True
