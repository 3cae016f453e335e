"""Compiling beside training: begun with the first step, handed over after a fixed iteration."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Precision
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import build
from resnet_studio.text import _
from resnet_studio.training.devices import lower_priority, use_threads
from resnet_studio.training.engines.regions import CompiledNetwork, Part, RegionLibrary, parts_of
from resnet_studio.training.member import Member
from resnet_studio.training.memory_format import memory_format

log = logging.getLogger(__name__)
logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of machines without CUDA

Faster = Callable[[NetworkSpec, Callable[[], float]], bool]  # given what measures the gain: whether it is worth it

_POLL = 0.05  # seconds between two looks at whether the compiler has finished


class NotCompiledError(Exception):
    """Why there are no compiled networks, in a few words."""


def not_faster(
    networks: Collection[NetworkSpec], faster: Faster | None, gain: Callable[[NetworkSpec], float]
) -> set[NetworkSpec]:
    """Those of ``networks`` whose measured ``gain`` is not worth compiling."""
    if faster is None:
        return set()
    return {network for network in networks if not faster(network, lambda network=network: gain(network))}  # type: ignore[misc]


def slowness(slow: Collection[NetworkSpec]) -> str:
    """Why networks are not compiled, in words."""
    return _("it makes {slow} no faster here", slow=", ".join(sorted({network.label for network in slow})))


class BackgroundCompiler:
    """Compiles the networks of a cohort in a thread while they train.

    After iteration ``switch_at`` they are handed over, once; training waits there if the compiler has not finished, so
    that the same specification gives the same bits however busy the machine is.
    """

    def __init__(
        self, precision: Precision, should_stop: StopCheck, *, switch_at: int, threads: int,
        waiting: Callable[[], None],
    ) -> None:  # fmt: skip
        """``waiting`` is called when training has to wait for the compiler."""
        self._precision, self._should_stop, self._waiting = precision, should_stop, waiting
        self._threads = threads
        self._members: list[Member] = []
        self._compilation: _Compilation | None = None
        self.switch_at = switch_at
        self.over = False  # handed over, or failed

    @property
    def compiling(self) -> bool:
        return self._compilation is None or self._compilation.is_alive()

    def gain(self, network: NetworkSpec) -> float:
        """How many times faster the compiled regions of ``network`` are, one by one.

        Measured by the calling thread: training waits meanwhile, so that it does not compete with what is measured.
        """
        assert self._compilation is not None
        return self._compilation.library.gain(self._compilation.parts[network])

    def adopt(self, member: Member) -> None:
        self._members.append(member)

    def begin(self) -> None:
        """Called before each step; the first call starts the thread."""
        if self._compilation is None:
            self._compilation = _Compilation(self._members, self._precision, self._threads)
            self._compilation.start()

    def due(self, iteration: int) -> bool:
        """Whether the step after ``iteration`` is the first that may be compiled."""
        return iteration >= self.switch_at and not self.over

    def take(self, check: Callable[[], None]) -> Mapping[str, CompiledNetwork]:
        """The compiled networks by run id; ``check`` is called before and after each region of a step.

        Raises:
            Stopped: If asked to stop while waiting; it can be called again.
            NotCompiledError: If there are none and will be none.
        """
        self.begin()
        assert self._compilation is not None
        if self._compilation.is_alive():
            self._waiting()
        while self._compilation.is_alive():
            if self._should_stop():
                raise Stopped
            time.sleep(_POLL)
        self.over = True
        error = self._compilation.error
        if error is not None:
            log.warning("the networks could not be compiled: %s", error)
            raise NotCompiledError(f"{type(error).__name__}: {error}".splitlines()[0])
        networks = {}
        for member in self._members:
            parts = parts_of(member.network, blueprint(member.spec.network))
            networks[member.run_id] = CompiledNetwork(member.spec.network, parts, self._compilation.library, check)
        return networks

    def close(self) -> None:
        """Let the compiler end after what it is compiling now."""
        if self._compilation is not None:
            self._compilation.cancelled.set()


class _Compilation(threading.Thread):
    """Compiles what the members are made of, in a thread of low priority."""

    def __init__(self, members: Sequence[Member], precision: Precision, threads: int) -> None:
        super().__init__(name="compiler", daemon=True)
        first = members[0]
        self.library = RegionLibrary(precision, first.spec.recipe.pass_size, first.device, first.layout)
        self.cancelled = threading.Event()
        self.error: Exception | None = None
        self.parts: dict[NetworkSpec, Sequence[Part]] = {}
        self._members, self._threads = tuple(members), threads

    def run(self) -> None:
        lower_priority()
        use_threads(self._threads)  # what is compiled depends on it, and it acts per thread
        try:
            for member in self._members:
                plan = blueprint(member.spec.network)
                network = build(plan, init_seed=0).train()
                network.to(member.device, memory_format=memory_format(member.layout))  # type: ignore[call-overload]
                parts = parts_of(network, plan)
                self.library.prepare(parts, self.cancelled)
                self.parts[member.spec.network] = parts
        except Exception as error:  # handed to the training thread, which goes on without
            self.error = error
