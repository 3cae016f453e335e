"""Options that several commands have, and those made from the specifications.

Of the latter there is one for each field, with its help, bounds and default.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar, get_args

import typer
from pydantic.fields import FieldInfo

from resnet_studio.domain.documents import parse
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.spec import unit_of
from resnet_studio.domain.spec_as_command import EMPTY, flag_of
from resnet_studio.domain.spec_changes import changed_values
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, Spec
from resnet_studio.text import _

S = TypeVar("S", bound=Spec)
GivenOptions = Mapping[str, Any]  # dotted field name of a RunSpec -> value as given

AsJson = Annotated[bool, typer.Option("--json", help=_("Print the result as JSON."))]
RunName = Annotated[str, typer.Argument(metavar="RUN", help=_("An id, a unique beginning of one, or a name."))]
RunNames = Annotated[list[str], typer.Argument(metavar="RUN...", help=_("Ids, unique beginnings of ids, or names."))]

_PARTS: tuple[tuple[str, type[Spec]], ...] = (("network", NetworkSpec), ("recipe", RecipeSpec), ("data", DataSpec))


@dataclass(frozen=True, slots=True)
class SpecOption:
    """One field of a RunSpec as an option. ``path`` is its dotted name, ``panel`` the heading it is listed under."""

    path: str
    panel: str
    field: FieldInfo

    @property
    def flag(self) -> str:
        return flag_of(self.path)

    @property
    def variable(self) -> str:
        """The name of the parameter that carries it."""
        return "spec_" + self.path.replace(".", "_")

    @property
    def kind(self) -> type:
        annotation = self.field.annotation
        return annotation if isinstance(annotation, type) and issubclass(annotation, int | float | Enum) else str

    @property
    def is_list(self) -> bool:
        """Whole numbers divided by commas."""
        return isinstance(self.field.default, tuple)

    @property
    def help(self) -> str:
        default = self.field.get_default()
        if self.kind is bool:
            return str(self.field.description)
        if isinstance(default, tuple):
            default = ",".join(map(str, default)) or EMPTY
        shown = "" if default == "" else _(" Default: {default}.", default=default)
        return f"{self.field.description}{shown}"

    @property
    def metavar(self) -> str | None:
        """What stands for the value in the help: the unit where there is one; nothing for a switch."""
        if issubclass(self.kind, Enum) or self.kind is bool:
            return None
        if self.is_list:
            return "NAME,..." if str in get_args(self.field.annotation) else "N,N,..."
        return unit_of(self.field).upper() or {int: "NUMBER", float: "NUMBER"}.get(self.kind, "TEXT")

    def parameter(self) -> inspect.Parameter:
        option = typer.Option(
            self.flag, help=self.help, metavar=self.metavar, rich_help_panel=self.panel, show_default=False
        )
        annotation = Annotated[self.kind | None, option]  # type: ignore[name-defined]
        return inspect.Parameter(self.variable, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    def value(self, given: Any) -> Any:
        """What the specification is validated from."""
        if not self.is_list:
            return given
        if given.strip().lower() in ("", EMPTY):
            return ()
        return tuple(part.strip() for part in given.split(","))


def _options() -> Iterator[SpecOption]:
    for name in ("name", "start_from"):
        yield SpecOption(name, _("Run"), RunSpec.model_fields[name])
    for part, kind in _PARTS:
        for name, field in kind.model_fields.items():
            yield SpecOption(f"{part}.{name}", part.capitalize(), field)


OPTIONS = tuple(_options())


def flag(path: str) -> str:
    """The option that sets a field, ``""`` where none does; list positions (``recipe.milestones.0``) are understood."""
    return next((o.flag for o in OPTIONS if path == o.path or path.startswith(f"{o.path}.")), "")


def spec_options(*prefixes: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command that takes ``given``: it gains an option per field of the specifications.

    Only fields whose dotted name starts with one of ``prefixes`` count; without any, every field does.

    ``given`` then holds the fields that were given on the command line, and no others.
    """
    chosen = [option for option in OPTIONS if option.path.startswith(prefixes or "")]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own if p.name != "given"]
        parameters += [option.parameter() for option in chosen]

        def with_options(**values: Any) -> None:
            found = [(option, values.pop(option.variable)) for option in chosen]
            given = {option.path: option.value(value) for option, value in found if value is not None}
            command(given=given, **values)

        with_options.__name__ = command.__name__
        with_options.__doc__ = command.__doc__
        with_options.__module__ = command.__module__
        with_options.__annotations__ = {p.name: p.annotation for p in parameters}
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return with_options

    return decorate


def changed(spec: S, given: GivenOptions) -> S:
    """A copy of ``spec`` with the fields of ``given`` changed (dotted names relative to it).

    What follows from them and was not given is decided anew: a new block brings its usual shortcut.

    Raises:
        SpecError: Naming the options at fault.
    """
    prefix = "network." if isinstance(spec, NetworkSpec) else ""
    return checked(type(spec), changed_values(spec, given), prefix=prefix)


def checked(kind: type[S], values: Mapping[str, Any], *, prefix: str = "") -> S:
    """Validate plain values; the sentences of a SpecError name options instead of fields."""
    try:
        return parse(kind, values)
    except SpecError as error:
        named = {flag(prefix + path): text for path, text in reversed(error.fields.items())}
        raise SpecError(dict(reversed(named.items()))) from None
