"""Attack the program with damaged inputs: ``python tests/attack/run.py --kind images --count 10000 --seed 1``.

Each input is met by a real command, in this process and, one in ``--process-every``, in a process of its own. A table
of figures comes at the end; the exit code is 1 if anything in it should be nothing and is not.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from tests.attack.guard import LONGEST, Watch, ask, ask_process
from tests.attack.kinds import KINDS, Kind, Place


@dataclass
class Figures:
    """What came of the inputs of one kind; the lists hold how to make each again."""

    kind: str
    inputs: int = 0
    refused: int = 0
    accepted: int = 0
    processes: int = 0
    slowest: float = 0.0
    inner: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        return [*self.inner, *self.slow, *self.outside, *self.ran]

    @property
    def row(self) -> tuple[str, ...]:
        return (
            self.kind,
            str(self.inputs),
            str(self.refused),
            str(self.accepted),
            str(len(self.inner)),
            f"{self.slowest:.2f} s",
            str(len(self.slow)),
            str(len(self.outside)),
            str(len(self.ran)),
            str(self.processes),
        )


HEAD = (
    "kind",
    "inputs",
    "refused",
    "accepted",
    "inner errors",
    "slowest",
    f"over {LONGEST:.0f} s",
    "outside the home",
    "code run",
    "in a process",
)


def attack(
    kind: type[Kind],
    place: Place,
    watch: Watch,
    count: int,
    seed: int,
    *,
    process_every: int = 0,
    first: int = 0,
    seconds: float = math.inf,
) -> Figures:
    """``count`` inputs of one kind, from number ``first`` on; the number and the seed make an input anew.

    Args:
        process_every: One in so many is met in a process of its own, which may take as long again to begin.
        seconds: After so many no further input is made; the figures count those that were.
    """
    found = Figures(kind.name)
    place.reset()
    place.outputs.mkdir(exist_ok=True)
    os.chdir(place.outputs)  # where a command line may ask for files
    attacker = kind(place)
    before = beside_home(place)
    began = time.monotonic()
    for number in range(first, first + count):
        if time.monotonic() - began > seconds:
            break
        if kind.every > 1 and number % kind.every == 0:
            place.reset()
        own = bool(process_every) and number % process_every == process_every - 1
        for _again in range(2):  # a slow answer is asked for again: beside other work anything may be late once
            draw = random.Random(f"{kind.name} {seed} {number}")
            line = ["--home", str(place.home), *attacker.prepare(number, draw)]
            answer = ask_process(line, place.outputs) if own else ask(watch, line)
            attacker.after()
            if answer.inner or answer.code is None or answer.seconds <= LONGEST * (1 + own):
                break
        what = f"{kind.name} {number}: {' '.join(line[2:])!r}"[:600]
        found.inputs += 1
        found.processes += own
        if not own:
            found.slowest = max(found.slowest, answer.seconds)
        if answer.inner:
            found.inner.append(f"{what}\n{answer.inner.strip()[-1500:]}")
        elif answer.code and not (answer.err + answer.out).strip():
            found.inner.append(f"{what}\nleft with {answer.code} and without a word")
        elif answer.code:
            found.refused += 1
        elif answer.code == 0:
            found.accepted += 1
        if (answer.code is None and not answer.inner) or answer.seconds > LONGEST * (1 + own):
            found.slow.append(f"{what}\n{answer.seconds:.1f} s")
        found.outside += [f"{what}\n{touched}" for touched in watch.outside]
        found.ran += [f"{what}\n{ran}" for ran in watch.ran]
        watch.outside.clear()
        watch.ran.clear()
        if place.marker.exists():
            found.ran.append(what)
            place.marker.unlink()
    if beside_home(place) != before:
        found.outside.append(f"{kind.name}: what lies beside the home is not as it was")
    return found


def beside_home(place: Place) -> dict[str, str]:
    """Digests of all files beside the home, inputs left out; and of what a stray file name would have made."""
    found = {}
    for path in sorted(place.root.rglob("*")):
        if path.is_relative_to(place.home) or path.is_relative_to(place.outputs) or not path.is_file():
            continue
        found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def print_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )


def main() -> int:
    names = [kind.name for kind in KINDS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=[*names, "all"], default="all")
    parser.add_argument("--count", type=int, default=1000, help="inputs of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--process-every", type=int, default=500, help="one in so many in a process of its own; 0: none"
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop with each kind after so many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder).resolve() / "attack")
        with contextlib.redirect_stdout(io.StringIO()):
            place.make()
        watch = Watch((place.home, place.outputs))
        found = [
            attack(
                kind,
                place,
                watch,
                options.count,
                options.seed,
                process_every=options.process_every,
                first=options.first,
                seconds=options.seconds,
            )
            for kind in KINDS
            if options.kind in (kind.name, "all")
        ]
    for figures in found:
        for text in figures.bad:
            print(text, file=sys.stderr)
    print_table([HEAD, *(figures.row for figures in found)])
    return int(any(figures.bad for figures in found))


if __name__ == "__main__":
    sys.exit(main())
