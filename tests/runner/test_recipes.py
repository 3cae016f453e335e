"""Recipes from specification to stored end: what is decided while training survives every interruption, bit for bit."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.domain.documents import from_json
from resnet_studio.domain.enums import Phase, RunStatus
from resnet_studio.domain.events import CurvesGrew, PhaseChanged
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, DataSpec, RecipeSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.networks.weights import load_tensors
from resnet_studio.runner import run_cohort
from resnet_studio.training.engines import eager
from resnet_studio.training.member import Member

pytestmark = pytest.mark.timeout(120)
CURVES = (Series.TRAINING_ERROR, Series.TRAINING_LOSS, Series.TEST_ERROR, Series.TEST_LOSS, Series.LEARNING_RATE)


@pytest.fixture
def store(home):
    with RunStore.open(home) as store:
        yield store


@pytest.fixture(scope="session")
def few_images(tmp_path_factory):
    """Four classes of noise around a colour: 72 images to train on, 32 to test on."""
    root, random = tmp_path_factory.mktemp("few"), np.random.default_rng(0)
    for part, count in (("train", 18), ("test", 8)):
        for number, colour in enumerate([(170, 90, 90), (90, 170, 90), (90, 90, 170), (130, 130, 90)]):
            folder = root / part / f"class{number}"
            folder.mkdir(parents=True)
            for image in range(count):
                pixels = np.clip(random.normal(colour, 80, (8, 8, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{image}.png")
    return root


@pytest.fixture
def tiny(tiny_run, few_images):
    """Without milestones; changes of the recipe by name."""
    few = replace(tiny_run, data=DataSpec(source=f"folder:{few_images}"), network=replace(tiny_run.network, classes=4))

    def make(**changes) -> RunSpec:
        return replace(few, recipe=replace(few.recipe, **{"milestones": (), **changes}))

    return make


class StopAfter:
    """A stop check that turns on once so many steps were taken."""

    def __init__(self, steps, monkeypatch):
        self.left = steps
        real = eager.EagerEngine.step

        def step(engine, member, images, labels):
            real(engine, member, images, labels)
            self.left -= 1

        monkeypatch.setattr(eager.EagerEngine, "step", step)

    def __call__(self):
        return self.left <= 0


def train(store, *runs, should_stop=lambda: False, emit=lambda event: None, **more):
    return run_cohort.run(CohortSpec(runs=runs), store, emit, should_stop, **more)


def rates(store, record):
    return store.curve(record.id, Series.LEARNING_RATE).values


def assert_same(store, one, two):
    assert one.weights_sha256 == two.weights_sha256
    for series in CURVES:
        a, b = store.curve(one.id, series), store.curve(two.id, series)
        assert a.iterations.tolist() == b.iterations.tolist(), series
        assert a.values.tobytes() == b.values.tobytes(), series


PLATEAU = {"schedule": "plateau", "plateau_patience": 2, "plateau_margin": 100.0, "iterations": 28, "test_every": 5}


def test_a_plateau_drops_the_rate_after_the_test_that_was_too_many(store, tiny):
    """Nothing falls by 100 points: the first test sets the lowest error, each second one after it divides by ten."""
    (record,) = train(store, tiny(**PLATEAU))
    expected = [0.05] * 15 + [0.005] * 10 + [0.0005] * 3
    assert rates(store, record).tolist() == pytest.approx(expected)


def assert_stops_are_exact(store, spec, all_steps, monkeypatch):
    (whole,) = train(store, spec)
    for steps in all_steps:
        with monkeypatch.context() as patch:
            (stopped,) = train(store, spec, should_stop=StopAfter(steps, patch))
        assert (stopped.status, stopped.iteration) == (RunStatus.STOPPED, steps)
        (again,) = run_cohort.resume([stopped.id], store, lambda e: None)
        assert_same(store, whole, again)


def test_a_stop_before_at_and_after_a_drop_is_bit_exact(store, tiny, monkeypatch):
    assert_stops_are_exact(store, tiny(**PLATEAU), (9, 14, 15, 16, 25, 28), monkeypatch)


def test_a_test_that_was_stored_after_the_last_checkpoint_counts_once(store, tiny):
    """The program dies between storing the test of a drop and the next checkpoint."""

    def die(event):
        if isinstance(event, CurvesGrew) and any(
            chunk.series is Series.TEST_ERROR and chunk.last_iteration == 15 for chunk in event.chunks
        ):
            raise ZeroDivisionError

    spec = tiny(**PLATEAU)
    (whole,) = train(store, spec)
    with pytest.raises(ZeroDivisionError):
        train(store, spec, emit=die, checkpoint_seconds=0.0)
    died = next(run for run in store.list_runs() if run.status is RunStatus.FAILED)
    assert store.curve(died.id, Series.TEST_ERROR).iterations.tolist() == [5, 10, 15]
    assert store.checkpoints(died.id)[0].iteration == 15
    (again,) = run_cohort.resume([died.id], store, lambda e: None)
    assert_same(store, whole, again)


WARM = {"warmup_rate": 0.001, "warmup_error": 99.0, "iterations": 55, "test_every": 40, "milestones": (52,)}


def test_warm_up_ends_at_a_multiple_of_fifty_and_milestones_count_from_the_start(store, tiny):
    (record,) = train(store, tiny(**WARM))
    assert rates(store, record).tolist() == pytest.approx([0.001] * 50 + [0.05] * 2 + [0.005] * 3)
    mean = float(np.mean(store.curve(record.id, Series.TRAINING_ERROR).values[:50], dtype=np.float64))
    for offset, expected in ((1e-3, 0.05), (-1e-3, 0.001)):
        (again,) = train(store, tiny(**{**WARM, "warmup_error": mean + offset, "iterations": 52}))
        assert rates(store, again)[50] == pytest.approx(expected), "decided on the mean of what is stored"


def test_a_stop_around_the_end_of_the_warm_up_is_bit_exact(store, tiny, monkeypatch):
    assert_stops_are_exact(store, tiny(**WARM), (37, 49, 50, 51), monkeypatch)


def test_decisions_do_not_depend_on_when_curves_are_stored(store, tiny, monkeypatch):
    spec = tiny(**{**WARM, "schedule": "plateau", "plateau_patience": 1, "milestones": (), "test_every": 10})
    (rarely,) = train(store, spec)
    (often,) = train(store, spec, checkpoint_seconds=0.02)
    assert_same(store, rarely, often)


def test_members_of_one_cohort_may_differ_in_their_recipes(store, tiny):
    """Each gives the bits that it gives alone."""
    recipes = (
        {},
        {"momentum_form": "authors", "milestones": (6,)},
        {"decay": "weights", "label_smoothing": 0.1, "weight_decay": 0.01},
        {"zero_last_gamma": True, "schedule": "cosine"},
        {"bn_statistics": "recomputed", "schedule": "plateau", "plateau_patience": 1},
    )
    specs = [tiny(**recipe) for recipe in recipes]
    together = train(store, *specs)
    assert len({record.weights_sha256 for record in together}) == len(specs)
    for spec, record in zip(specs[1:], together[1:], strict=True):
        (alone,) = train(store, spec)
        assert_same(store, alone, record)


def test_label_smoothing_is_what_the_training_loss_has(tiny):
    one, other = (Member("run", tiny(label_smoothing=s), torch.device("cpu")) for s in (0.0, 0.2))
    x, y = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 4
    losses = []
    for member in (one, other):
        eager.EagerEngine(eager.Precision.FLOAT32, lambda: False).step(member, x, y)
        losses.append(next(c for c in member.take_curves() if c.series is Series.TRAINING_LOSS).values[0])
    logits = Member("run", tiny(), torch.device("cpu")).network(x)
    log_p = torch.log_softmax(logits, 1)
    plain, spread = -log_p.gather(1, y[:, None]).mean().item(), -log_p.mean().item()
    assert losses == pytest.approx([plain, 0.8 * plain + 0.2 * spread], rel=1e-5)


def test_zero_last_gamma_makes_each_block_its_shortcut(tiny):
    spec = tiny(zero_last_gamma=True)
    network = Member("run", spec, torch.device("cpu")).network
    zeros = [name for name, p in network.named_parameters() if not p.any() and name.endswith("weight")]
    assert zeros == [f"stage{s}.block1.bn2.weight" for s in (1, 2, 3)]
    block = next(iter(network.blocks))
    x = torch.rand(4, 4, 8, 8)
    assert torch.equal(block(x), x), "what comes in is not negative, so the ReLU keeps it"


def test_recomputed_statistics_come_before_the_last_test_and_are_kept(store, home, tiny):
    moving, recomputed = train(store, tiny(), tiny(bn_statistics="recomputed"))
    folders = [home.runs / store.checkpoints(record.id)[0].folder for record in (moving, recomputed)]
    weights = [load_tensors(folder / "weights.safetensors") for folder in folders]
    changed = {name for name in weights[0] if not torch.equal(weights[0][name], weights[1][name])}
    assert changed == {name for name in weights[0] if "running" in name or "num_batches" in name}
    tests = [store.curve(record.id, Series.TEST_LOSS) for record in (moving, recomputed)]
    assert tests[0].iterations.tolist() == tests[1].iterations.tolist() == [5, 10, 12]
    assert tests[0].values[:2].tobytes() == tests[1].values[:2].tobytes()
    assert tests[0].values[2] != tests[1].values[2]
    assert recomputed.test_error == store.curve(recomputed.id, Series.TEST_ERROR).values[-1]


@pytest.mark.parametrize("batches_seen", [0, 2])
def test_a_stop_while_statistics_are_recomputed_leaves_a_run_that_goes_on(store, home, tiny, batches_seen, monkeypatch):
    monkeypatch.setattr("resnet_studio.training.loop._PROGRESS_SECONDS", 0.0)
    spec = tiny(bn_statistics="recomputed")
    (whole,), (moving,) = train(store, spec), train(store, tiny())
    told = []

    def note(event):
        if isinstance(event, PhaseChanged) and event.phase is Phase.RECOMPUTING:
            told.append(event.fraction)

    (stopped,) = train(store, spec, emit=note, should_stop=lambda: len(told) > batches_seen)
    assert told[0] == 0.0
    assert told == sorted(told)
    assert (stopped.status, stopped.iteration) == (RunStatus.STOPPED, 12)
    assert stopped.weights_sha256 == moving.weights_sha256, "as training left them"
    assert store.curve(stopped.id, Series.TEST_ERROR).iterations.tolist() == [5, 10]
    (again,) = run_cohort.resume([stopped.id], store, lambda e: None)
    assert again.status is RunStatus.FINISHED
    assert_same(store, whole, again)


def test_a_checkpoint_of_the_first_format_goes_on_bit_for_bit(store, home, tiny, monkeypatch):
    spec = tiny(milestones=(8,))
    (whole,) = train(store, spec)
    with monkeypatch.context() as patch:
        (stopped,) = train(store, spec, should_stop=StopAfter(7, patch))
    file = home.runs / store.checkpoints(stopped.id)[0].folder / "state.json"
    state = json.loads(file.read_text())
    assert state["format"] == 2
    del state["progress"], state["sha256"]
    file.write_text(json.dumps({**state, "format": 1}))
    (again,) = run_cohort.resume([stopped.id], store, lambda e: None)
    assert_same(store, whole, again)


def test_a_run_written_before_there_were_such_recipes_has_their_defaults():
    old = (
        '{"schema_version":1,"name":"","network":{"family":"cifar","depth":20,"block":"basic","shortcut":"A",'
        '"classes":10,"width":16,"image_size":32},"recipe":{"iterations":64000,"batch_size":128,"learning_rate":0.1,'
        '"milestones":[32000,48000],"momentum":0.9,"weight_decay":0.0001,"augmentation":"pad-crop-flip",'
        '"normalisation":"pixel-mean","test_every":500,"init_seed":0,"data_seed":0,"precision":"auto",'
        '"device":"auto"},"data":{"source":"builtin","seed":0}}'
    )
    spec = from_json(RunSpec, old)
    assert spec == RunSpec()
    assert spec.recipe == RecipeSpec(momentum_form="torch", bn_statistics="moving", decay="all", schedule="milestones")
