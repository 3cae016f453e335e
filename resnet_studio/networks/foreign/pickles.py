"""Pickles read as data: tensors, numbers, texts and containers; every other object becomes an inert stand-in.

No module is imported and nothing that a pickle names is looked up or called: its operations are followed one by one,
and what would be a class or a function is a :class:`Name`. Names for which the caller has a builder of its own, such
as ``torch._utils._rebuild_tensor_v2``, are built by that. Time and memory stay in proportion to the file: operations
and items are counted, and keys are plain values, so that no key of a file's own making is ever hashed.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.text import _

MAX_OPERATIONS = 2_000_000  # some 40 for a tensor: ResNet-1202 has 300 000, and as many again for an optimizer
_MAX_KEY = 1 << 31  # larger numbers can be made to fall on one place of a dictionary
_ASKED_EVERY = 1 << 14

Builder = Callable[..., object]


class PickleError(Exception):
    """What is wrong with a pickle, without a full stop."""


class HostileError(PickleError):
    """It calls what no data needs: a program in the disguise of data. Nothing was run."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or a function that a pickle names."""

    path: str


@dataclass(slots=True, eq=False)
class StandIn:
    """An object of a class that is not built here: its class, and everything it was given."""

    path: str
    arguments: tuple[object, ...] = ()
    state: object = None
    items: list[object] = field(default_factory=list)
    pairs: dict[object, object] = field(default_factory=dict)


# Data needs none of their functions; a pickle that names one was made to run something.
_PROGRAMS = frozenset(
    {
        "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "ctypes", "importlib", "runpy", "pty", "commands",
        "webbrowser", "multiprocessing",
    }
)  # fmt: skip
_BUILTINS = frozenset({"builtins", "__builtin__"})
_PLAIN = frozenset(
    {
        "set", "frozenset", "list", "tuple", "dict", "bytes", "bytearray", "str", "int", "float", "complex", "bool",
        "object", "slice", "range", "type", "unicode", "long", "xrange", "NoneType", _("Ellipsis"),
    }
)  # fmt: skip


def _refuse_program(module: str, name: str) -> None:
    program = module.partition(".")[0] in _PROGRAMS
    if program or (module in _BUILTINS and name not in _PLAIN):
        raise HostileError(_("it would run {module}.{name}, which weights never need", module=module, name=name))


_MARK = object()


class Reader:
    """Reads one pickle after another from a stream.

    Args:
        builders: By the full name of a class or function, what is made of its arguments.
        storage: What is made of a persistent id.
    """

    def __init__(
        self,
        stream: BinaryIO,
        builders: Mapping[str, Builder],
        storage: Callable[[object], object],
        should_stop: StopCheck = never_stop,
    ) -> None:
        self._stream, self._builders, self._storage, self._should_stop = stream, builders, storage, should_stop
        self._count = 0

    def load(self) -> Any:
        """The next pickle's value.

        Raises:
            PickleError: If it is none, damaged, or larger than any network needs.
            Stopped: Soon after ``should_stop`` said so.
        """
        try:
            return self._load()
        except (PickleError, Stopped):
            raise
        except RecursionError:
            raise PickleError(_("it is nested too deeply")) from None
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError) as error:
            raise PickleError(str(error).splitlines()[0] if str(error) else type(error).__name__) from None

    def _load(self) -> object:
        stack: list[Any] = []
        memo: dict[Any, object] = {}
        for opcode, argument, _unused in pickletools.genops(self._stream):
            self._count += 1
            if self._count % _ASKED_EVERY == 0 and self._should_stop():
                raise Stopped
            if self._count > MAX_OPERATIONS:
                raise PickleError(_("it holds more values than a network has"))
            name = opcode.name
            if name in _VALUES:
                stack.append(argument)
            elif name in _EMPTY:
                stack.append(_EMPTY[name]())
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                memo[int(argument or 0)] = stack[-1]
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                stack.append(memo[int(argument or 0)])
            elif name == "MARK":
                stack.append(_MARK)
            elif name == "STOP":
                if len(stack) != 1:
                    raise PickleError(_("it ends too early"))
                return stack[0]
            elif name not in ("PROTO", "FRAME"):
                self._change(name, argument, stack)
        raise PickleError(_("it has no end"))

    def _change(self, name: str, argument: Any, stack: list[Any]) -> None:  # noqa: C901 - a branch an operation
        """Operations that take values from the stack."""
        if name in ("SETITEMS", "APPENDS", "ADDITEMS", "TUPLE", "LIST", "DICT", "FROZENSET", "POP_MARK"):
            items = _since_mark(stack)
            if name == "SETITEMS":
                _set(stack[-1], zip(items[::2], items[1::2], strict=True))
            elif name in ("APPENDS", "ADDITEMS"):
                _extend(stack[-1], items)
            elif name != "POP_MARK":
                made: object = tuple(items) if name == "TUPLE" else items
                if name == "DICT":
                    made = {}
                    _set(made, zip(items[::2], items[1::2], strict=True))
                stack.append(made)
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _set(stack[-1], [(key, value)])
        elif name == "APPEND":
            _extend(stack[-2], [stack.pop()])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "GLOBAL":
            stack.append(_named(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            last, module = stack.pop(), stack.pop()
            stack.append(_named(module, last))
        elif name == "INST":
            arguments = tuple(_since_mark(stack))
            stack.append(self._made(_named(*argument.split(" ", 1)), arguments))
        elif name == "OBJ":
            maker, *rest = _since_mark(stack)
            stack.append(self._made(maker, tuple(rest)))
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, maker = stack.pop(), stack.pop()
            stack.append(self._made(maker, arguments))
        elif name == "NEWOBJ_EX":
            _unused, arguments, maker = stack.pop(), stack.pop(), stack.pop()
            stack.append(self._made(maker, arguments))
        elif name == "BUILD":
            state = stack.pop()
            if isinstance(stack[-1], StandIn):
                stack[-1].state = state
            elif hasattr(stack[-1], "take_state"):  # one of the builders' own
                stack[-1].take_state(state)
        elif name in ("BINPERSID", "PERSID"):
            stack.append(self._storage(stack.pop() if name == "BINPERSID" else argument))
        elif name == "DUP":
            stack.append(stack[-1])
        elif name == "POP":
            stack.pop()
        else:
            raise PickleError(_("it uses {name}, which is not read here", name=name))

    def _made(self, maker: object, arguments: object) -> object:
        given = arguments if isinstance(arguments, tuple) else ()
        if isinstance(maker, Name):
            builder = self._builders.get(maker.path)
            return builder(*given) if builder is not None else StandIn(maker.path, given)
        return StandIn(maker.path if isinstance(maker, StandIn) else type(maker).__name__, given)


_VALUES = frozenset(
    {
        "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "STRING", "BINSTRING", "SHORT_BINSTRING",
        "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
        "BINUNICODE8", "FLOAT", "BINFLOAT",
    }
)  # fmt: skip
_EMPTY: dict[str, Callable[[], object]] = {
    "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "EMPTY_SET": list,
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
}  # fmt: skip


def _named(module: object, name: object) -> Name:
    if not isinstance(module, str) or not isinstance(name, str):
        raise PickleError(_("it names an object by something that is no text"))
    _refuse_program(module, name)
    return Name(f"{module}.{name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] is _MARK:
            items = stack[place + 1 :]
            del stack[place:]
            return items
    raise PickleError(_("a mark is missing"))


def _set(target: object, pairs: Iterable[tuple[object, object]]) -> None:
    own = target.pairs if isinstance(target, StandIn) else target
    if not isinstance(own, dict):
        raise PickleError(_("items are put into what has none"))
    own.update((key, value) for key, value in pairs if _is_key(key))


def _is_key(key: object) -> bool:
    return isinstance(key, str | bytes | None) or (isinstance(key, int) and -_MAX_KEY < key < _MAX_KEY)


def _extend(target: object, items: list[object]) -> None:
    own = target.items if isinstance(target, StandIn) else target
    if not isinstance(own, list):
        raise PickleError(_("items are put into what has none"))
    own.extend(items)
