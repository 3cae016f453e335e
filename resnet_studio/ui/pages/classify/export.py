"""Results as a table of text, one line per image, network and class."""

from __future__ import annotations

import io

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.protocols import SINGLE
from resnet_studio.ui.pages.classify.results import ResultsModel

HEADER = ("image", "true_class", "run", "run_id", "rank", "label", "probability", "right", "protocol", "views")


def as_text(model: ResultsModel, delimiter: str = ",") -> str:
    """With a header line. ``right`` is yes or no on the first rank where the true class is known, else empty.

    ``protocol`` is what the answer comes from: the single view, as long as no view of the protocol asked for is seen.
    """
    text = io.StringIO()
    writer = CsvWriter(text, delimiter=delimiter)
    writer.writerow(HEADER)
    for row, image in enumerate(model.images):
        for column, run in enumerate(model.runs):
            cell = model.cell(row, column)
            for rank, prediction in enumerate(cell.predictions, start=1):
                known = rank == 1 and cell.right is not None
                writer.writerow(
                    (
                        image.key,
                        cell.truth,
                        run.name,
                        run.id,
                        rank,
                        prediction.label,
                        f"{prediction.probability:.6f}",
                        ("yes" if cell.right else "no") if known else "",
                        SINGLE.key if cell.first_look else cell.protocol.key,
                        "1 of 1" if cell.first_look else f"{cell.views} of {cell.of}",
                    )
                )
    return text.getvalue()
