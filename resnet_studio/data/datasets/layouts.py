"""Which data sets are files: a folder of images and downloaded photos have a layout, arrays of one size have none.

Whatever treats files otherwise than arrays asks here. Free of torch.
"""

from __future__ import annotations

from resnet_studio.data.datasets.folder_layout import Layout, hold_out, scan
from resnet_studio.data.datasets.photos import photo_layout
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.specs import DataSpec
from resnet_studio.platform.home import Home
from resnet_studio.text import _


def has_files(spec: DataSpec) -> bool:
    """Its images are files of many sizes, whether they are on this machine or not."""
    return spec.folder is not None or (spec.row is not None and spec.row.photos)


def layout_of(
    spec: DataSpec, home: Home, report: Report = no_report, should_stop: StopCheck = never_stop
) -> Layout | None:
    """The training and test files of ``spec``, without what is held out; None where its images are arrays.

    Raises:
        DataError: One sentence, if the files are not there, damaged, or no data set can be made of them.
        Stopped: When ``should_stop`` says so.
    """
    if not has_files(spec):
        return None
    report(_("looking through the folder"), None)
    if spec.row is None:
        return scan(spec, should_stop)
    return hold_out(photo_layout(spec.row, home, should_stop), spec)
