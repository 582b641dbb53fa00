"""The command line: one module for every command, each imported only when it runs or shows its help.

A command parses its options, calls one step and prints what that gives. Errors that memscope raises on purpose
become one line here, and nowhere else: exit status 2 for what was asked, 1 for what stands in the way.
"""

import importlib
import os
import sys
import traceback
from difflib import get_close_matches
from typing import Any

import click

from memscope.cli.interrupted import told
from memscope.cli.output import standard_outputs
from memscope.cli.variables import with_variables
from memscope.cli.verbosity import with_verbosity
from memscope.errors import MemscopeError
from memscope.tables.verbosity import verbose

COMMANDS = {
    "train-family": "memscope.cli.train_family",
    "score": "memscope.cli.score",
    "trajectories": "memscope.cli.trajectories",
    "convergence": "memscope.cli.convergence",
    "resmem": "memscope.cli.resmem",
    "distill": "memscope.cli.distill",
    "proxies": "memscope.cli.proxies",
    "memorability": "memscope.cli.memorability",
    "memorability predict": "memscope.cli.memorability_predict",
    "influence": "memscope.cli.influence",
    "privacy": "memscope.cli.privacy",
    "report": "memscope.cli.report",
    "status": "memscope.cli.status",
    "demo": "memscope.cli.demo",
    "datasets": "memscope.cli.datasets",
    "families": "memscope.cli.families",
    "doctor": "memscope.cli.doctor",
    "schema": "memscope.cli.schema",
    "completion": "memscope.cli.completion",
}
"""In the order in which `memscope --help` lists them."""

COMPLETE = "_MEMSCOPE_COMPLETE"
"""click's variable, with which a shell asks"""

UTF_8 = ["-X", "utf8"]
"""Python's option for UTF-8 whatever the locale"""


class Commands(click.Group):
    """Loads a command's module when it is wanted; modules import steps, and with them torch, only inside."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except MemscopeError:
            if verbose():
                traceback.print_exc()
            raise

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if " ".join(args[:2]) in COMMANDS:  # a command of two words
            args = [" ".join(args[:2]), *args[2:]]
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not context.resilient_parsing:
            close = get_close_matches(name, COMMANDS, 1)
            mend = f"did you mean {close[0]} ?" if close else f"the commands are {', '.join(COMMANDS)}"
            context.fail(f"no command {name!r}; {mend}")
        return super().resolve_command(context, args)

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        return with_variables(name, with_verbosity(importlib.import_module(COMMANDS[name]).command))


EPILOG = """
\b
Exit status:
  0    done
  1    something stands in the way: a file, a run, a device, a failed task, a
       reader of the output that has gone
  2    what was asked is not possible: the command or an option must change
  130  interrupted; what was finished is kept

\b
Environment:
  MEMSCOPE_COMMAND_OPTION  stands for an option that is not given, as in
                           MEMSCOPE_TRAIN_FAMILY_WORKERS=2
  NO_COLOR                 no colours, if it is set
"""


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="memscope-ml", prog_name="memscope")
def memscope() -> None:
    """Which training examples does an image classifier memorise, and how does that change as it grows?

    Try it on bundled real images (a minute on two cores):

    \b
        memscope demo

    On data of your own:

    \b
        memscope train-family runs/mine --data folder:images --widths 2,4,8,16,32 --models 40
        memscope score runs/mine
        memscope trajectories runs/mine --plot
    """


def main() -> None:
    """The program: run a command, and turn what it raises into one line and an exit status."""
    if sys.getfilesystemencoding() != "utf-8" and sys.orig_argv[1:3] != UTF_8:
        again_in_utf_8()
    if COMPLETE in os.environ:  # a shell asks what to offer after Tab; click answers in bytes
        importlib.import_module("memscope.cli.completing")
        sys.exit(run_command())
    with standard_outputs():
        status = run_command()
    sys.exit(status)


def again_in_utf_8() -> None:
    """Start the program anew in this process, so that Python takes names of files as UTF-8.

    Elsewhere, as under LC_ALL=C with PYTHONUTF8=0, every name with a letter beyond the locale's would be undecodable.
    What is printed stays in the locale's encoding.
    """
    if sys.stdout is not None:
        os.environ.setdefault("PYTHONIOENCODING", sys.stdout.encoding)
    os.execv(sys.executable, [sys.executable, *UTF_8, *sys.orig_argv[1:]])


def run_command() -> int:
    """Run the command that was asked for; the exit status."""
    try:
        try:
            memscope.main(standalone_mode=False)
        finally:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(told(error if isinstance(error, KeyboardInterrupt) else error.__cause__), err=True)
        return 130
    except MemscopeError as error:
        from memscope.tables.printing import print_error  # loads rich

        print_error(f"Error: {error}")
        return error.exit_status
    except BrokenPipeError:
        return 1  # the reader of our output has gone, as in `memscope score ... | head`
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
