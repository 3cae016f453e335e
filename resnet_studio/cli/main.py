"""The command line: its commands, and the one place where errors become sentences and exit codes."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import typer

from resnet_studio import __version__
from resnet_studio.app import run_app
from resnet_studio.cli.arguments import split_home, split_places
from resnet_studio.cli.command_tree import CommandGroup, load
from resnet_studio.cli.context import Session
from resnet_studio.cli.output import OutputLostError, WarningsOnce, guarded_streams
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.compile_cache import use_compile_cache
from resnet_studio.platform.home import HISTORY_VARIABLE, RUNS_VARIABLE, VARIABLE, Home, without_password
from resnet_studio.platform.interrupts import INTERRUPTED, raised_interrupts
from resnet_studio.platform.private_folder import make_private, private_opener
from resnet_studio.text import _

PROGRAM = "resnet-studio"
USER_ERROR, OUR_ERROR, HUNG_UP = 2, 1, 129  # exit codes, beside that of an interrupt

_WARNINGS = WarningsOnce()

app = typer.Typer(
    name=PROGRAM,
    cls=CommandGroup,
    help=_("A desktop laboratory for residual networks. Without a command the window opens."),
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(requested: bool) -> None:
    if requested:
        print(_("ResNet Studio {version}", version=__version__))
        raise typer.Exit


@app.callback()
def _common(
    context: typer.Context,
    home: str | None = typer.Option(
        None,
        metavar="DIR",
        help=_("Folder of everything that is stored; also the variable {variable}.", variable=VARIABLE),
    ),
    history: str | None = typer.Option(
        None,
        metavar="URL",
        help=_(
            "Where the history is if not in that folder: postgresql://USER@SERVER/DATABASE, which several machines "
            "share; also the variable {variable}.",
            variable=HISTORY_VARIABLE,
        ),
    ),
    runs: str | None = typer.Option(
        None,
        metavar="DIR",
        help=_(
            "Folder of the runs' checkpoints if not in that folder; also the variable {variable}.",
            variable=RUNS_VARIABLE,
        ),
    ),
    version: bool = typer.Option(  # noqa: ARG001
        False, "--version", is_eager=True, callback=_show_version, help=_("Show the version and leave.")
    ),
) -> None:
    context.obj = Session(Home.find(home, history=history, runs=runs), home, history, runs)
    use_compile_cache(context.obj.home.cache)
    if context.invoked_subcommand is None:
        raise typer.Exit(run_app(context.obj.home))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 2 and a sentence for the user's errors, 1 and a log for ours."""
    _WARNINGS.begin()
    logging.getLogger("resnet_studio").addHandler(_WARNINGS)
    with guarded_streams():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    try:
        command = typer.main.get_command(app)
        places, rest = split_places(arguments)
        load(rest)  # while an interrupt still ends the process at once
        with raised_interrupts():
            result = command.main([*places, *rest], prog_name=PROGRAM, standalone_mode=False)
            sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except OutputLostError as error:
        code = _print_error(error.sentence, USER_ERROR)
        _discard_output()
        return code
    except UserError as error:
        return _print_error(error.sentence, USER_ERROR)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader went away, as `head` does
        _discard_output()
        return 0
    except SystemExit as leaving:
        if isinstance(leaving.__context__, BrokenPipeError):
            _discard_output()
            return 0
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EIO and _hung_up():
            _discard_output()
            return HUNG_UP
        if hasattr(error, "format_message"):  # typer's own: an option that is missing, unknown or malformed
            return _print_error(str(error.format_message()).replace("Value error, ", ""), USER_ERROR)
        return _print_error(_log_error(error, arguments), OUR_ERROR)


def _print_error(sentence: str, code: int) -> int:
    """One sentence on stderr, if anything can be written there; none where the help was printed in its place."""
    line = " ".join(sentence.split())
    if not line:
        return code
    with contextlib.suppress(OSError, OutputLostError):
        print(line if line.endswith((".", "!", "?")) else f"{line}.", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Nobody reads any more: what Python still flushes at its end goes nowhere."""
    for stream in (sys.stdout, sys.stderr) if _hung_up() else (sys.stdout,):
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except (OSError, ValueError):
            logging.getLogger(__name__).debug("%s has no descriptor", stream)


def _hung_up() -> bool:
    """Whether the terminal that stdout was is gone: a character device still, but no terminal, and not the null one."""
    try:
        there = os.fstat(sys.stdout.fileno())
        null = Path(os.devnull).stat()
    except (OSError, ValueError):
        return False
    return stat.S_ISCHR(there.st_mode) and there.st_rdev != null.st_rdev and not sys.stdout.isatty()


def _without_passwords(arguments: Sequence[str]) -> str:
    """A blank in one of them does not end a password."""
    return " ".join(without_password(each.replace(" ", "%20")) if "://" in each else each for each in arguments)


def _log_error(error: Exception, arguments: Sequence[str]) -> str:
    """Append the trace to the log and say where it is."""
    places = []
    with contextlib.suppress(Exception):
        places.append(Home.find(next(iter(split_home(arguments)[0][1:]), None)).logs)
    text = "".join(traceback.format_exception(error))
    entry = f"{datetime.now(UTC).isoformat()} {PROGRAM} {_without_passwords(arguments)}\n{text}\n"
    for folder in (*places, Path(tempfile.gettempdir())):
        file = folder / f"{PROGRAM}-errors.log"
        try:
            make_private(folder)
            with open(file, "a", encoding="utf-8", errors="backslashreplace", opener=private_opener) as log:
                log.write(entry)
        except (OSError, ValueError):
            continue
        return _(
            "Something went wrong inside ResNet Studio ({name}: {error}); the trace is in {file}.",
            name=type(error).__name__,
            error=error,
            file=file,
        )
    return _(
        "Something went wrong inside ResNet Studio ({name}: {error}), and no log could be written.",
        name=type(error).__name__,
        error=error,
    )
