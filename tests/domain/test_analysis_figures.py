"""Figures of several networks: each block under its own name, and untrained nets beside trained ones."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from resnet_studio.domain.analyses.activations import Activations, BlockView
from resnet_studio.domain.analyses.block_axis import BlockAxis
from resnet_studio.domain.analyses.cam import Cam, ImageMaps, RandomisedPart
from resnet_studio.domain.analyses.caption import caption
from resnet_studio.domain.analyses.charts import LineChart, Picture
from resnet_studio.domain.analyses.construct import AddedBlock, Construction
from resnet_studio.domain.analyses.lesion import Altered, Lesion
from resnet_studio.domain.analyses.paths import Paths, PathsOfLength
from resnet_studio.domain.analyses.records import AnalysisSummary
from resnet_studio.domain.analyses.responses import BlockResponse, Responses
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.analyses.rows import ANALYSES, AnalysisRow
from resnet_studio.domain.analyses.signal import SignalCheck

SHALLOW = ("stage1.block1", "stage2.block1", "stage3.block1")
DEEP = ("stage1.block1", "stage1.block2", "stage2.block1", "stage2.block2", "stage3.block1", "stage3.block2")
TRAINED = Net("ResNet-20", 20, True, "a" * 32, 300, "b" * 64, colour="#2060a0")


def net(name: str) -> Net:
    return Net(name, 8, True, name * 8)


def altered(name: str, deleted: tuple[str, ...], order: tuple[str, ...] = (), error: float = 80.0) -> Altered:
    return Altered(name, deleted, order, error, error - 2, error + 2, 10.0, 7, 0, 0.01, 100, 100)


def lesion(name: str, *blocks: Altered) -> Lesion:
    return Lesion(net(name), 10.0, 100, blocks)


def alone(*names: str) -> tuple[Altered, ...]:
    return tuple(altered(name, (name,)) for name in names)


def activations(name: str, blocks: tuple[str, ...]) -> Activations:
    views = tuple(
        BlockView(each, 4, np.zeros((0, 0, 0), np.uint8), 0.0, 1.0, 0.5, 0.1, 1.0, 0.3, 0.9) for each in blocks
    )
    return Activations(net(name), "test/1", "cat", np.zeros((4, 4, 3), np.uint8), views, ())


def cam(name: str, blocks: tuple[str, ...]) -> Cam:
    maps = ImageMaps("test/1", "cat", "cat", 0.9, np.zeros((4, 4, 3), np.uint8), np.eye(2), ())
    parts = ("head", *reversed(blocks), "stem")
    return Cam(net(name), (), (maps,), tuple(RandomisedPart(part, 0.5) for part in parts))


def responses(name: str, blocks: tuple[str, ...]) -> Responses:
    return Responses(net(name), (), tuple(BlockResponse(each, 1.0, 2.0) for each in blocks))


def construction(name: str, blocks: tuple[str, ...]) -> Construction:
    return Construction(net(name), "plain-20", 0.0, 0, 100, tuple(AddedBlock(each, 0.1) for each in blocks))


TWO_DEPTHS = {
    "lesion": [lesion("a", *alone(*SHALLOW)), lesion("b", *alone(*DEEP))],
    "activations": [activations("a", SHALLOW), activations("b", DEEP)],
    "cam": [cam("a", SHALLOW), cam("b", DEEP)],
    "responses": [responses("a", SHALLOW), responses("b", DEEP)],
    "construct": [construction("a", SHALLOW), construction("b", DEEP)],
}


@pytest.mark.parametrize("kind", TWO_DEPTHS)
def test_a_block_stands_under_its_own_name_in_every_network(kind: str) -> None:
    results: list[AnalysisResult] = TWO_DEPTHS[kind]
    for both in (results, results[::-1]):
        charts = [panel for panel in type(both[0]).figure(both).panels if isinstance(panel, LineChart)]
        named = [chart for chart in charts if any("stage3.block2" in line.names for line in chart.lines)]
        assert named
        for chart in named:
            where: dict[str, set[float]] = {}
            for line in chart.lines:
                for name, x in zip(line.names, line.x, strict=False):
                    where.setdefault(name, set()).add(float(x))
            assert all(len(places) == 1 for places in where.values())
            order = sorted(where, key=lambda name: min(where[name]))
            expected = list(DEEP)
            assert [name for name in order if name in DEEP] == (expected if kind != "cam" else expected[::-1])
            assert chart.ticks
            assert all(where[text] == {place} for place, text in chart.ticks)


def test_an_axis_names_few_blocks_or_where_stages_begin() -> None:
    few = BlockAxis.of([("stage2.block10", "stage2.block9")])
    assert few.names == ("stage2.block9", "stage2.block10")
    assert few.ticks == ((1.0, "stage2.block9"), (2.0, "stage2.block10"))
    many = BlockAxis.of([DEEP, SHALLOW])
    assert many.ticks == ((1.0, "stage1.block1"), (3.0, "stage2.block1"), (5.0, "stage3.block1"))
    assert many.places(SHALLOW).tolist() == [1, 3, 5]
    assert BlockAxis.of([("stem", "stage1.block1", "head")], backward=True).names == ("head", "stage1.block1", "stem")


def test_several_blocks_and_swaps_have_short_names_below_the_axis() -> None:
    swapped = (DEEP[1], DEEP[0], *DEEP[2:])
    several = altered("without stage1.block1, stage1.block2", DEEP[:2])
    swap = altered("x swapped", (), swapped)
    both, cycle = altered("both", DEEP[2:3], swapped), altered("c", (), (DEEP[1], DEEP[2], DEEP[0], *DEEP[3:]))
    many = altered("without many", DEEP[:5])
    assert [each.short for each in (several, swap, both, cycle, many)] == [
        "1.1+1.2", "1.1↔1.2", "1.1↔1.2 2.1", "order", "5 blocks",
    ]  # fmt: skip
    found = lesion("a", *alone(*DEEP), several, swap)
    (chart,) = Lesion.figure([found]).panels
    assert isinstance(chart, LineChart)
    assert [text for _place, text in chart.ticks[-2:]] == ["1.1+1.2", "1.1↔1.2"]
    assert [place for place, _text in chart.ticks[-2:]] == chart.lines[1].x[-2:].tolist()  # below their marks
    assert chart.ticks[-2][0] > len(DEEP)
    deep = alone(*(f"stage{stage}.block{block}" for stage in (1, 2, 3) for block in range(1, 10)))
    (wide,) = Lesion.figure([lesion("a", *deep, several, swap)]).panels
    assert isinstance(wide, LineChart)
    (before, _text), (after, _other) = wide.ticks[-2:]
    assert (after - before) / after > 0.1  # both have room
    words = ["without stage1.block1 and stage1.block2", "stage1.block1 and stage1.block2 swapped"]
    assert list(chart.lines[1].names[-2:]) == words  # the tip's
    assert [row[1] for row in Lesion.table([found]).rows][-2:] == words
    assert Lesion.summary([lesion("a", several)]).rows[0][-1] == words[0]


def test_the_title_names_what_was_changed() -> None:
    several = altered("without both", DEEP[:2], error=86.0)
    assert Lesion.figure([lesion("a", several)]).title == ("Without stage1.block1 and stage1.block2: +76.0 points in a")
    one = Lesion.figure([lesion("a", *alone(DEEP[0]), several)]).title
    assert one == "Without stage1.block1 the error changes by: +70.0 points in a"
    two = Lesion.figure([lesion("a", several, altered("c", (), (DEEP[1], DEEP[0], *DEEP[2:])))]).title
    assert two == "2 changes of several blocks; the error changes by (median): +73.0 points in a"
    single = Lesion(net("a"), 0.0, 1, (Altered(DEEP[0], DEEP[:1], (), 0.0, 0.0, 0.0, 0.0, 0, 0, 1.0, 1, 1),))
    assert Lesion.figure([single]).title.startswith("One image tells nothing")


def check(of: Net) -> SignalCheck:
    return SignalCheck(of, SHALLOW, (3, 5, 7), np.array([2.0, 1.0, 1.0]), np.ones(3), 1.0)


def test_an_untrained_net_is_told_from_a_trained_one() -> None:
    design = Net("resnet-20", 20, True, init_seed=0, colour=TRAINED.colour)
    figure = SignalCheck.figure([check(TRAINED), check(design)])
    (chart, *_more) = figure.panels
    assert isinstance(chart, LineChart)
    trained, untrained = chart.lines
    assert (trained.label, untrained.label) == ("ResNet-20, iteration 300", "resnet-20, untrained")
    assert "in resnet-20, untrained" in figure.title
    assert trained.colour == TRAINED.colour != untrained.colour
    assert (trained.dotted, untrained.dotted) == (False, True)
    (among, *_more) = SignalCheck.figure([check(design)]).panels  # nothing to be told from
    assert isinstance(among, LineChart)
    assert [(line.label, line.dotted) for line in among.lines] == [("resnet-20", False)]


def with_block(correlation: float = 0.94, name: str = "a") -> Cam:
    """Two images whose exact map is bright at the top left, and Grad-CAM of one block at the bottom right."""
    exact, other = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
    image = ImageMaps("test/1", "cat", "cat", 0.29, np.zeros((4, 4, 3), np.uint8), exact, (other,))
    return Cam(net(name), ("stage2.block1",), (image, image), (RandomisedPart("head", correlation),))


def test_grad_cam_at_the_chosen_block_stands_beside_the_exact_map() -> None:
    figure = Cam.figure([with_block()])
    pictures = [panel for panel in figure.panels if isinstance(panel, Picture)]
    assert figure.columns == 3
    assert [panel.block for panel in pictures] == ["", "", "stage2.block1"] * 2
    image, exact, block = pictures[:3]
    assert "Grad-CAM at stage2.block1" in block.title
    assert exact.title == "a: cat 29\N{NO-BREAK SPACE}%, up to 1"
    assert (exact.pixels[0, 0] == block.pixels[-1, -1]).all()
    assert (exact.pixels[0, 0] != block.pixels[0, 0]).any()
    assert (image.pixels == 0).all()
    without = Cam.figure([cam("a", SHALLOW)])
    assert [panel.block for panel in without.panels if isinstance(panel, Picture)] == ["", ""]


def test_the_title_of_maps_says_what_the_random_layer_means() -> None:
    titles = [Cam.figure([with_block(value)]).title for value in (0.94, 0.5, -0.01)]
    assert titles[0] == (
        "Maps made with a random last layer look nearly the same (rank correlation 0.94 in a): they show little of "
        "what that layer learned"
    )
    assert "partly the same (rank correlation 0.50 in a)" in titles[1]
    assert "look different (rank correlation −0.01 in a): they show what" in titles[2]
    both = Cam.figure([with_block(0.94), with_block(0.1, "b"), with_block(0.9, "c")]).title
    assert "0.94 in a, 0.90 in c" in both
    assert "0.10 in b" in both


def paths_of(name: str, *lengths: PathsOfLength) -> Paths:
    return Paths(net(name), lengths, (), 1.0, 16, 5)


def test_path_shares_have_intervals_and_a_single_path_is_called_so() -> None:
    several = paths_of("b", PathsOfLength(0, 1, 2.0, 0.2, 2.0, 0.1, 0.0), PathsOfLength(1, 9, 1.0, 0.8, 9.0, 0.9, 0.5))
    single = paths_of("a", PathsOfLength(9, 1, 1.0, 1.0, 1.0, 1.0, 0.0))
    shares = next(
        panel
        for panel in Paths.figure([several]).panels
        if isinstance(panel, LineChart) and panel.title == "Share of the gradient"
    )
    (line,) = shares.lines
    assert line.low is not None
    assert line.high is not None
    assert (line.low[0], line.high[0]) == pytest.approx((0.2, 0.2))  # all paths were taken
    assert (line.low[1], line.high[1]) == pytest.approx((2 / 3, 6 / 7))  # 0.5 and 1.5 times 4 to 1
    assert Paths.figure([single]).title == "a has a single path"
    both = Paths.figure([single, several]).title
    assert both == "95 % of the gradient goes through paths of 0 to 1 of 1 blocks in b; a has a single path"
    stored = PathsOfLength(1, 9, 1.0, 0.8, 9.0, 0.9)  # before intervals were measured
    assert np.isnan(stored.share_interval).all()


def record(row: AnalysisRow) -> AnalysisSummary:
    return AnalysisSummary(
        id="1", analysis=row.key, run_ids=("a",), definition=row.definition, settings={}, data="cifar10", data_seed=0,
        data_sha256="", images=128, seed=3, weights=("b",), iterations=(300,),
        created_at=datetime.now(UTC), seconds=4.0,
    )  # fmt: skip


@pytest.mark.parametrize("row", ANALYSES, ids=lambda row: row.key)
def test_a_figure_in_a_file_says_with_what_and_what_it_does_not_say(row: AnalysisRow) -> None:
    text = caption(row, [record(row)])
    for part in (row.definition, *row.cautions, "128 images of cifar10 (test), seed 3"):
        assert part in text
    assert "seed" not in caption(row, []).removeprefix(row.definition)
