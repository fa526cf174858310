"""The command line: which commands there are, and how each ends. A family of them is a file; all are thin.

Results go to stdout, progress and hints to stderr. Exit codes: 0 fine, 1 a check failed, 2 wrong usage or bad input.
Whatever is heavy is imported inside the commands, so that `synthgen --help` is there at once.
"""

from __future__ import annotations

import itertools
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from synthgen.cli import building, exporting, modelling, publishing, reading, training

FAMILIES: dict[str, tuple[Callable[..., None] | typer.Typer, ...]] = {
    "Look, without any data": (
        reading.list_,
        reading.show,
        reading.view,
        reading.entropy,
        reading.plan,
        reading.params,
    ),
    "Make data": (building.generate, building.finish, building.certify, building.rewrite),
    "Check and share a dataset folder": (
        publishing.check,
        publishing.card,
        publishing.push,
        publishing.pull,
        publishing.space,
    ),
    "Models and rates": (
        training.train,
        training.score,
        modelling.evaluate,
        modelling.probe,
        modelling.trace,
        training.reproduce,
        training.bench,
    ),
    "For other people's programs": (exporting.export,),
}
"""The commands, in the order of `--help`, each by the name of its function, or a group of them by its own."""


class Families(TyperGroup):
    """The commands, listed family by family, each with its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write what commands there are."""
        widest = max(len(name) for name in self.list_commands(ctx))
        for family, commands in FAMILIES.items():
            with formatter.section(family):
                rows = [(name_of(command), about(command)) for command in commands]
                formatter.write_dl([(f"{name:<{widest}}", said) for name, said in rows])


def name_of(command: Callable[..., None] | typer.Typer) -> str:
    """Return what people type for a command: its function's name, but for an underscore behind; or a group's name."""
    return str(command.info.name) if isinstance(command, typer.Typer) else command.__name__.rstrip("_")


def about(command: Callable[..., None] | typer.Typer) -> str:
    """Return the first line of what a command, or a group of them, says of itself."""
    said = command.info.help if isinstance(command, typer.Typer) else command.__doc__
    return (said or "").split("\n")[0]


app = typer.Typer(
    name="synthgen",
    cls=Families,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: there in half the time, and as wide as it needs to be
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        from synthgen.errors import DISTRIBUTION

        try:
            print(f"synthgen {version(DISTRIBUTION)}")
        except PackageNotFoundError:
            print("synthgen, not installed: only on the path")
        raise typer.Exit


@app.callback()
def synthgen(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Pretraining data for controlled language-model experiments, every bit of it known."""


for _command in itertools.chain.from_iterable(FAMILIES.values()):
    if isinstance(_command, typer.Typer):
        app.add_typer(_command)
    else:
        app.command(name_of(_command))(_command)


def main() -> None:
    """Run the command line; the entry point of the script `synthgen`."""
    from synthgen.cli.terminal import complain, prepare_streams
    from synthgen.dataset.interrupts import raised_where_bearable
    from synthgen.errors import SynthgenError

    prepare_streams()
    try:
        try:
            with raised_where_bearable({signal.SIGINT: KeyboardInterrupt}):
                app(prog_name="synthgen")
        finally:
            sys.stdout.flush()  # here, where a fault can still be told
    except SynthgenError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        complain("interrupted")
        sys.exit(130)
    except MemoryError as error:
        complain(f"not enough memory for what is asked: {str(error).split(chr(10))[0] or 'ask for less'}")
        sys.exit(2)
    except OSError as error:
        complain(f"{error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
