"""The same networks under other names, in other forms, and beside what is no part of a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.recognise import recognise
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest, state_of

State = dict[str, Tensor]


def small(**changes: object) -> NetworkSpec:
    return NetworkSpec.model_validate({"depth": 8, "width": 4, "classes": 3, "shortcut": "B", **changes})


def state(spec: NetworkSpec) -> State:
    return state_of(build(blueprint(spec), 3))


def renamed(weights: State, change: Callable[[str], str]) -> State:
    return {change(name): tensor for name, tensor in weights.items()}


def hub(name: str) -> str:
    """As a large hub of models names a residual network: each convolution and its norm in a numbered wrapper."""
    kinds = {"conv": "convolution", "bn": "normalization"}
    parts = name.split(".")
    if parts[0] == "stem":
        return f"resnet.embedder.embedder.{kinds[parts[1]]}.{parts[2]}"
    if parts[0] == "head":
        return f"classifier.1.{parts[2]}"
    block = f"resnet.encoder.stages.{int(parts[0][5:]) - 1}.layers.{int(parts[1][5:]) - 1}"
    if parts[2] == "projection":
        return f"{block}.shortcut.{kinds[parts[3]]}.{parts[4]}"
    return f"{block}.layer.{int(parts[2][-1]) - 1}.{kinds[parts[2][:-1]]}.{parts[3]}"


def wrapped(name: str) -> str:
    """Each convolution and its norm in a Sequential of their own: ``layer1.0.conv.0.0`` and ``layer1.0.conv.0.1``."""
    parts = name.split(".")
    if parts[0] == "stem":
        return f"stem.0.{0 if parts[1] == 'conv' else 1}.{parts[2]}"
    if parts[0] == "head":
        return f"fc.{parts[2]}"
    block = f"layer{parts[0][5:]}.{int(parts[1][5:]) - 1}"
    if parts[2] == "projection":
        return f"{block}.downsample.{0 if parts[3] == 'conv' else 1}.{parts[4]}"
    return f"{block}.conv.{int(parts[2][-1]) - 1}.{0 if parts[2].startswith('conv') else 1}.{parts[3]}"


@pytest.mark.parametrize("names", [hub, wrapped])
@pytest.mark.parametrize(
    "spec",
    [small(), small(depth=14), small(shortcut="A", depth=14), small(depth=11, block="bottleneck"),
     small(family="imagenet", depth=18, stem="7x7"), small(family="imagenet", depth=50, width=4)],
    ids=lambda spec: spec.label,
)  # fmt: skip
def test_numbered_wrappers_are_no_blocks(spec: NetworkSpec, names: Callable[[str], str]) -> None:
    weights = state(spec)
    found = recognise(renamed(weights, names))
    assert (found.spec.stage_blocks, found.spec.branch) == (spec.stage_blocks, spec.branch)
    assert digest(found.tensors) == digest(weights)


def test_a_net_of_single_layers_in_numbered_stages_stays_one() -> None:
    spec = small(block="single", depth=8)

    def names(name: str) -> str:
        parts = name.split(".")
        if parts[0] in ("stem", "head"):
            return name.replace("stem.", "conv_").replace("head.", "")
        return f"stages.{int(parts[0][5:]) - 1}.{int(parts[1][5:]) - 1}.{'.'.join(parts[2:])}"

    weights = state(spec)
    found = recognise(renamed(weights, names))
    assert found.spec.branch == "single"
    assert digest(found.tensors) == digest(weights)


@torch.no_grad()
def test_a_vgg_whose_head_is_made_of_convolutions() -> None:
    spec = NetworkSpec.model_validate({"family": "vgg", "depth": 16, "width": 4, "classes": 3, "image_size": 64})
    weights = state(spec)
    theirs = {}
    for name, tensor in weights.items():
        if name.startswith(("head.fc1.weight", "head.fc2.weight")):
            side = 2 if "fc1" in name else 1  # of the last map: 64 pixels, halved five times
            tensor = tensor.reshape(tensor.shape[0], -1, side, side)
        theirs[name if name.startswith("head.fc.") else name.replace("head.", "pre_logits.")] = tensor
    found = recognise(theirs)
    assert (found.spec.label, found.spec.image_size) == ("VGG-16", 64)
    assert digest(found.tensors) == digest(weights)


def test_a_head_that_is_a_1x1_convolution() -> None:
    weights = state(small())
    theirs = {**weights, "head.fc.weight": weights["head.fc.weight"][:, :, None, None]}
    assert digest(recognise(theirs).tensors) == digest(weights)


BESIDE: dict[str, State] = {
    "weights of a loss": {"criterion.weight": torch.ones(3)},
    "parameters of a loss": {"loss_fn.log_vars": torch.zeros(2), "center_loss.centers": torch.ones(3, 16)},
    "counts": {"val_acc.correct": torch.tensor(0), "val_acc.total": torch.tensor(0)},
    "metrics": {"train_metrics.Accuracy.tp": torch.zeros(3), "test_confmat.confmat": torch.zeros(3, 3)},
    "trainer's counters": {"n_averaged": torch.tensor(5), "global_step": torch.tensor(5), "epoch": torch.tensor([1])},
    "random state": {"rng_state": torch.zeros(5056, dtype=torch.uint8)},
}


@pytest.mark.parametrize("prefix", ["", "model.", "module.model."])
@pytest.mark.parametrize("case", BESIDE)
def test_what_is_no_layer_is_passed_over_and_said(case: str, prefix: str) -> None:
    weights = state(small())
    beside = BESIDE[case]
    found = recognise({**renamed(weights, lambda name: prefix + name), **beside})
    assert digest(found.tensors) == digest(weights)
    if case != "trainer's counters":
        assert all(name in found.changes[-1] for name in beside)


@pytest.mark.parametrize("name", ["layer.gamma", "stage1.block1.scale", "pos_embed", "act.weight", "stage2.loss_gate"])
def test_unknown_layers_are_still_refused(name: str) -> None:
    with pytest.raises(UserError, match="no network of the paper has"):
        recognise({**state(small()), name: torch.ones(4)})


@pytest.mark.parametrize(
    ("mean", "std", "shape"),
    [("0.mean", "0.std", (3, 1, 1)), ("mu", "sigma", (1, 3, 1, 1)), ("normalize.mean", "normalize.std", (3,)),
     ("pixel_mean", "pixel_std", (3, 1, 1)), ("norm.image_mean", "norm.image_std", (3,))],
)  # fmt: skip
def test_mean_and_deviation_in_the_file_are_taken(mean: str, std: str, shape: tuple[int, ...]) -> None:
    weights = state(small())
    colours, spread = torch.tensor([0.49, 0.48, 0.44]), torch.tensor([0.25, 0.24, 0.26])
    prefix = "1." if mean.startswith("0.") else ""
    theirs = {mean: colours.view(shape), std: spread.view(shape), **renamed(weights, lambda name: prefix + name)}
    found = recognise(theirs)
    assert digest(found.tensors) == digest(weights)
    assert found.normalisation is not None
    assert torch.equal(found.normalisation.mean.flatten(), colours)
    assert found.normalisation.mean.shape == found.normalisation.std.shape == (3, 1, 1)
    assert found.normalisation.names == (mean, std)

    bytes_ = recognise({**theirs, mean: 255 * colours.view(shape), std: 255 * spread.view(shape)}).normalisation
    assert bytes_ is not None
    assert bytes_.divided
    assert torch.allclose(bytes_.std.flatten(), spread)


def test_missing_statistics_are_named() -> None:
    lone = {name: t for name, t in state(small()).items() if "running" not in name and "num_b" not in name}
    with pytest.raises(
        UserError, match=r"statistics are missing: 9 layers \(.*stage1.block1.bn1, .* and more\).*state_dict\(\)"
    ):
        recognise(lone)


def wrong(name: str, tensor: Tensor) -> State:
    return {**state(small()), name: tensor}


NUMBERS: dict[str, tuple[State, str]] = {
    "whole weights": (wrong("stem.conv.weight", torch.ones(4, 3, 3, 3, dtype=torch.int8)), r"whole numbers \(int8\)"),
    "whole means": (wrong("stem.bn.running_mean", torch.ones(4, dtype=torch.int64)), "whole numbers"),
    "truth values": (wrong("stem.conv.weight", torch.ones(4, 3, 3, 3, dtype=torch.bool)), r"whole numbers \(bool\)"),
    "negative variance": (wrong("stem.bn.running_var", torch.tensor([1.0, -1.0, 1.0, 1.0])), "negative numbers"),
    "not a number": (wrong("head.fc.bias", torch.tensor([1.0, float("nan"), 1.0])), "not finite"),
    "infinite variance": (wrong("stem.bn.running_var", torch.full((4,), float("inf"))), "not finite"),
    "a first layer of zeros": (wrong("stem.conv.weight", torch.zeros(4, 3, 3, 3)), "every image gets the same"),
    "a classifier of zeros": (
        wrong("head.fc.weight", torch.zeros_like(state(small())["head.fc.weight"])),
        "every image gets the same",
    ),
    "a classifier of next to nothing": (
        wrong("head.fc.weight", torch.full_like(state(small())["head.fc.weight"], 1e-38)),
        "every image gets the same",
    ),
    "a first norm of zeros": (wrong("stem.bn.weight", torch.zeros(4)), "stem.bn.weight holds zeros alone"),
    "a huge variance": (wrong("stage1.block1.bn2.running_var", torch.full((4,), 3e38)), "above 1e20"),
    "a huge weight": (wrong("stage1.block1.conv2.weight", torch.full((4, 4, 3, 3), -1e30)), "above 1e20"),
    "a variance of zeros": (
        wrong("stage1.block1.bn2.running_var", torch.zeros(4)),
        "as if every image had given stage1.block1.conv2 the same",
    ),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_that_no_network_has_are_refused(case: str) -> None:
    weights, sentence = NUMBERS[case]
    with pytest.raises(UserError, match=sentence):
        recognise(weights)


@pytest.mark.parametrize(
    "counter", [torch.tensor(-3), torch.tensor(float("nan")), torch.tensor([7]), torch.tensor(7.0)]
)
def test_counters_of_any_kind_are_read(counter: Tensor) -> None:
    found = recognise(wrong("stem.bn.num_batches_tracked", counter)).tensors["stem.bn.num_batches_tracked"]
    assert found.dtype == torch.int64
    assert int(found) in (0, 7)


def inner_norms(name: str) -> str:
    """Each norm inside its convolution, as detection libraries name them."""
    parts = name.split(".")
    norm = ".norm" if any(part.startswith("bn") for part in parts) else ""
    if parts[0] == "stem":
        return f"stem.conv1{norm}.{parts[2]}"
    if parts[0] == "head":
        return f"linear.{parts[2]}"
    block = f"res{int(parts[0][5:]) + 1}.{int(parts[1][5:]) - 1}"
    own = "shortcut" if parts[2] == "projection" else f"conv{parts[2][-1]}"
    return f"{block}.{own}{norm}.{parts[-1]}"


@pytest.mark.parametrize("depth", [8, 14])
def test_norms_inside_their_convolutions(depth: int) -> None:
    weights = state(small(depth=depth))
    assert digest(recognise(renamed(weights, inner_norms)).tensors) == digest(weights)


def test_a_pruned_layer_is_the_product_of_its_weights_and_its_mask() -> None:
    weights = state(small())
    kernel = weights.pop("stem.conv.weight")
    mask = (torch.arange(kernel.numel()) % 2).view(kernel.shape).float()
    found = recognise({**weights, "stem.conv.weight_orig": kernel, "stem.conv.weight_mask": mask})
    assert torch.equal(found.tensors["stem.conv.weight"], kernel * mask)


def in_factors(weights: State, kind: str) -> State:
    """Every convolution as torch's ``kind`` of normalisation keeps it."""
    found: State = {}
    for name, tensor in weights.items():
        if tensor.ndim != 4:
            found[name] = tensor
        elif kind == "spectral norm":
            layer = nn.utils.spectral_norm(nn.Conv2d(tensor.shape[1], len(tensor), tuple(tensor.shape[2:]), bias=False))
            with torch.no_grad():
                layer.weight_orig.copy_(tensor)
            found |= {f"{name.removesuffix('weight')}{key}": value for key, value in layer.state_dict().items()}
        else:
            lengths = tensor.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            own = {"weight norm": ("_g", "_v")}.get(kind)
            path = name.removesuffix("weight")
            first, second = (
                (name + own[0], name + own[1])
                if own
                else (f"{path}parametrizations.weight.original0", f"{path}parametrizations.weight.original1")
            )
            found |= {first: lengths, second: 3 * tensor}
    return found


@pytest.mark.parametrize("kind", ["weight norm", "parametrised weight norm"])
def test_weights_in_lengths_and_directions_are_multiplied(kind: str) -> None:
    weights = state(small())
    found = recognise(in_factors(weights, kind)).tensors
    assert digest({**found, **{name: weights[name] for name in found if weights[name].ndim == 4}}) == digest(weights)
    for name, tensor in found.items():
        assert torch.allclose(tensor, weights[name], atol=1e-6), name


def test_spectral_norm_divides_by_the_stored_singular_value() -> None:
    stored = in_factors(state(small()), "spectral norm")
    found = recognise(stored).tensors
    for name in (name for name, tensor in found.items() if tensor.ndim == 4):
        whole, left, right = (stored[f"{name}_{part}"] for part in ("orig", "u", "v"))
        assert torch.allclose(found[name], whole / torch.dot(left, whole.flatten(1) @ right))


def test_factors_that_do_not_fit_are_no_layer() -> None:
    weights = in_factors(state(small()), "weight norm")
    weights["stem.conv.weight_g"] = torch.ones(3)
    with pytest.raises(UserError, match=r"stem\.conv"):
        recognise(weights)


def test_another_s_head_of_the_same_name_is_not_ours() -> None:
    theirs = renamed(state(small()), lambda name: name if name.startswith("head") else f"backbone.{wrapped(name)}")
    assert recognise(theirs).naming != "ResNet Studio"


VARIED = torch.tensor([0.5, 0.1, 0.3, 0.2])
FIRST, SECOND = "stage1.block1.bn1", "stage1.block1.bn2"


@pytest.mark.parametrize("weight", [0.0, 1e-40])
@pytest.mark.parametrize("layer", ["stage1.block1.conv1", "stage2.block1.projection.conv"])
def test_a_convolution_of_zeros_is_refused_where_its_norm_saw_more(layer: str, weight: float) -> None:
    weights = state(small())
    shape = weights[f"{layer}.weight"].shape
    weights[f"{layer}.weight"] = torch.full(shape, weight)
    assert recognise(weights).spec == small()  # the statistics are those of a network that was never trained
    norm = layer.replace("conv", "bn")
    variance = VARIED.repeat(shape[0] // 4)
    with pytest.raises(UserError, match=f"{layer}.weight holds zeros alone, but by {norm}.running_var it did not"):
        recognise({**weights, f"{norm}.running_var": variance})
    for never in (torch.full_like(variance, 0.9**50), torch.zeros_like(variance)):
        assert recognise({**weights, f"{norm}.running_var": never}).spec == small()


def test_zeros_that_training_makes_are_not_refused() -> None:
    """A last batch norm that began with zeros; a ReLU that lets nothing through, and so a norm that saw nothing."""
    weights = state(small()) | {f"{SECOND}.weight": torch.zeros(4), f"{SECOND}.running_var": VARIED}
    assert recognise(weights).spec == small()
    dead = {f"{FIRST}.weight": torch.full((4,), 0.1), f"{FIRST}.bias": torch.full((4,), -1.0)}
    nothing = {f"{SECOND}.running_var": torch.zeros(4)}
    assert recognise({**weights, **dead, **nothing}).spec == small()
    with pytest.raises(UserError, match="as if every image"):
        recognise({**weights, **nothing})


def counted(start: int, step: int) -> Callable[[str], str]:
    """Blocks of a script, counted from ``start`` in steps."""

    def name(ours: str) -> str:
        first, _, rest = ours.partition(".")
        if not first.startswith("stage"):
            return ours
        block, _, rest = rest.partition(".")
        return f"layer{first[5:]}.{start + step * (int(block[5:]) - 1)}.{rest}"

    return name


@pytest.mark.parametrize(("step", "lost"), [(1, "layer2.1"), (2, "layer2.2")])
def test_a_block_that_was_lost_is_named(step: int, lost: str) -> None:
    """Else it would be a shorter network; even steps are somebody's way of counting."""
    weights = renamed(state(small(depth=20)), counted(0, step))
    assert recognise(weights).spec == small(depth=20)
    left = {name: tensor for name, tensor in weights.items() if not name.startswith(f"{lost}.")}
    with pytest.raises(UserError, match=f"{lost} is missing, though layer2.{2 * step} is there: the file is damaged"):
        recognise(left)


def test_a_number_between_stages_of_one_sequence_may_be_a_layer_without_weights() -> None:
    """Three blocks, a dropout, three blocks, three blocks, in one Sequential."""
    places = {1: 0, 2: 4, 3: 7}

    def name(ours: str) -> str:
        first, _, rest = ours.partition(".")
        if not first.startswith("stage"):
            return ours
        block, _, rest = rest.partition(".")
        return f"blocks.{places[int(first[5:])] + int(block[5:]) - 1}.{rest}"

    assert recognise(renamed(state(small(depth=20)), name)).spec == small(depth=20)


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"layer1.0.alpha": torch.tensor(0.5)}, "1 tensor that no network of the paper has: layer1.0.alpha;"),
        ({"layer1.0.conv1.filt": torch.ones(3, 3)}, "has: layer1.0.conv1.filt;"),
        ({"layer1.0.conv1.weight": torch.ones(144)}, r"has: layer1.0.conv1.weight of shape \(144,\);"),
        ({"": torch.ones(3)}, "has: one without a name;"),
        ({"a.b": torch.ones(2), "c.d": torch.ones(2)}, "has 2 tensors that no network of the paper has: a.b, c.d;"),
    ],
)
def test_a_tensor_that_does_not_belong_is_named(extra: State, named: str) -> None:
    with pytest.raises(UserError, match=named):
        recognise(renamed(state(small()), counted(0, 1)) | extra)


@pytest.mark.parametrize(("outputs", "said"), [(0, "0 outputs"), (1, "1 output,")])
def test_fewer_outputs_than_two_are_no_classifier(outputs: int, said: str) -> None:
    head = {"head.fc.weight": torch.ones(outputs, 16), "head.fc.bias": torch.ones(outputs)}
    with pytest.raises(UserError, match=f"head.fc has {said}.* at least 2 classes; choose"):
        recognise(state(small()) | head)
