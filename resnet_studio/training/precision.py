"""Float32 or bfloat16: probed once per machine, then remembered.

bfloat16 is faster on some CPUs and several times slower on others, depending on the version of torch. GPUs with
bfloat16 arithmetic of their own need no probe.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import UserError
from resnet_studio.networks.cuda import multiplies_bfloat16
from resnet_studio.networks.devices import device_name
from resnet_studio.platform.measured_cache import MeasuredCache
from resnet_studio.text import _

_WORTH_IT = 1.15  # below this gain float32 stays
_FILE = "precision.json"


def arithmetic(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The context in which a forward pass runs; weights, gradients and batch-norm statistics stay float32."""
    if precision is Precision.BFLOAT16:
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def set_products(precision: Precision, *, exact: bool) -> None:
    """What CUDA may do with float32 products in this process, and whether every operation must be repeatable.

    torch lets convolutions use tf32 unless told otherwise, so plain float32 has to be asked for. ``exact`` also needs
    ``CUBLAS_WORKSPACE_CONFIG``, which the program sets before torch loads.
    """
    allowed = precision is Precision.TF32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = not exact
    torch.use_deterministic_algorithms(exact)
    torch.utils.deterministic.fill_uninitialized_memory = not exact  # type: ignore[attr-defined]  # one kernel a tensor


def is_probed(device: torch.device) -> bool:
    """Whether auto is decided by a probe.

    On a GPU a few small operations take as long as their launches, whatever they compute: where tensor cores multiply
    bfloat16, it is faster wherever speed matters.
    """
    if device.type == "cuda":
        return not multiplies_bfloat16(device)
    return device.type != "mps"


def choose_precision(requested: Precision, device: torch.device, cache: Path) -> Precision:
    """``requested`` unless it is auto; for auto the faster one here.

    From ``cache`` or a probe of half a second if there is one; see :func:`is_probed`.

    On CUDA call :func:`set_products` for float32 first: the probe would time tf32 in its place. The answer is kept in
    ``cache / "precision.json"`` under device and torch version, so that equal specifications get equal bits on one
    machine; a cache that cannot be read or written only costs a new probe.

    Raises:
        UserError: For tf32 without CUDA.
    """
    if requested is Precision.TF32 and device.type != "cuda":
        raise UserError(_("tf32 needs CUDA, and this run trains on {type}; choose precision auto.", type=device.type))
    if requested is not Precision.AUTO:
        return requested
    if not is_probed(device):
        return Precision.BFLOAT16 if device.type == "cuda" else Precision.FLOAT32
    measured, key = MeasuredCache(cache / _FILE), _key(device)
    try:
        return Precision(measured.get(key)["choice"])
    except (ValueError, KeyError, TypeError):
        gain = measure_gain(device)
    choice = Precision.BFLOAT16 if gain >= _WORTH_IT else Precision.FLOAT32
    measured.keep(key, {"choice": str(choice), "bfloat16_gain": round(gain, 2)})
    return choice


def _key(device: torch.device) -> str:
    return f"{device_name(device)} | torch {torch.__version__}"


def known_gain(device: torch.device, cache: Path) -> float | None:
    """What :func:`measure_gain` found when the precision was chosen; None if there was no probe yet."""
    try:
        return float(MeasuredCache(cache / _FILE).get(_key(device))["bfloat16_gain"])
    except (ValueError, KeyError, TypeError):
        return None


def measure_gain(device: torch.device) -> float:
    """How many times faster bfloat16 runs a CIFAR stage's convolutions, forward and backward; above 1 is faster."""
    times = {precision: _time(device, precision) for precision in (Precision.FLOAT32, Precision.BFLOAT16)}
    return times[Precision.FLOAT32] / times[Precision.BFLOAT16]


def _time(device: torch.device, precision: Precision) -> float:
    """Best of five, in seconds, after a warm-up.

    On the CPU one thread's own time: other programs do not count, so that the choice is the same on a busy machine as
    on a quiet one.
    """
    if device.type != "cpu":
        return _best(device, precision, time.perf_counter)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _best(device, precision, time.thread_time)
    finally:
        torch.set_num_threads(threads)


def _best(device: torch.device, precision: Precision, clock: Callable[[], float]) -> float:
    x = torch.ones(64, 32, 16, 16, device=device).contiguous(memory_format=torch.channels_last)
    weight = torch.ones(32, 32, 3, 3, device=device, requires_grad=True)
    gamma = torch.ones(32, device=device, requires_grad=True)
    best = float("inf")
    for attempt in range(6):
        start = clock()
        with arithmetic(device, precision):
            y = x
            for _unused in range(4):
                y = F.relu(F.batch_norm(F.conv2d(y, weight, padding=1), None, None, gamma, gamma, training=True))
            loss = y.float().mean()
        loss.backward()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if attempt:
            best = min(best, clock() - start)
    return best
