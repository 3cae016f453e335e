"""``resnet-studio``: without arguments the window, on the shortest way; everything else through the command line.

Only what Python has loaded anyway is imported up here: until :func:`main` runs, an interrupt would print a traceback.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

# How long a thread of torch spins, waiting for the others, before it sleeps. GNU OpenMP's own choice is some fifteen
# times as long: on two cores, beside one busy program, a step then took 900 ms instead of 65 ms; alone, both take 65.
SPINS = "20000"


# Threads that are abandoned when they do not end at once: what they are in the middle of cannot be interrupted.
UNSTOPPABLE = ("compiler", "measuring")


def start(arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code. Loads neither typer nor rich on the way to the window."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # read once, when torch is loaded
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # likewise; what exact training on CUDA needs
    from resnet_studio.cli.arguments import only_home

    wanted, home = only_home(arguments)
    if wanted:
        from resnet_studio.cli.window import start_window

        return start_window(home)
    from resnet_studio.cli.main import run

    return run(arguments)


def _fill_closed_descriptors() -> None:
    """What is opened first would else take the number of a closed stdout, and receive what libraries print there."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def leave(code: int) -> NoReturn:
    """End the process; at once, where an abandoned thread is still in torch.

    Python ends such a thread as it comes back from native code, by unwinding its stack. What torch has on it may not be
    unwound, and the process would abort ("terminate called without an active exception", signal 6).
    """
    import contextlib
    import gc
    import threading

    gc.freeze()  # garbage in circles goes with the process: to look for it takes a third of a second with torch
    if any(thread.name in UNSTOPPABLE for thread in threading.enumerate()):
        with contextlib.suppress(OSError, ValueError):  # all else that has to be closed has been
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def main() -> NoReturn:
    try:
        from resnet_studio.platform.interrupts import leave_on_interrupts

        leave_on_interrupts()
    except KeyboardInterrupt:
        os._exit(130)  # as INTERRUPTED says, in the module that could not be imported
    _fill_closed_descriptors()
    leave(start(sys.argv[1:]))


if __name__ == "__main__":
    main()
