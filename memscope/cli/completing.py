"""What a shell offers after Tab: runs, families, forms of data and bundled sets. Nothing of torch is loaded."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from click.shell_completion import BashComplete, CompletionItem, add_completion_class

SHELLS = {
    "bash": ("~/.bashrc", 'eval "$(_MEMSCOPE_COMPLETE=bash_source memscope)"'),
    "zsh": ("~/.zshrc", 'eval "$(_MEMSCOPE_COMPLETE=zsh_source memscope)"'),
    "fish": ("~/.config/fish/config.fish", "_MEMSCOPE_COMPLETE=fish_source memscope | source"),
}
"""The file of each shell, and the line for it"""

LOOKED_AT = 500
"""Directories that are looked into for runs at most: Tab must answer at once"""

DEEP = 3
"""Levels of directories in which runs are looked for, below where the word ends"""


class Bash(BashComplete):
    """click's completion, for words that bash parts at colons: `--data folder:images` reaches click as three.

    The whole line is taken and parted here. What is offered lacks what stands before the last colon, which bash leaves.
    After a colon or a slash there comes no space.
    """

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' response completion
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CWORD=-1 %(complete_var)s=bash_complete $1)
    for completion in $response; do
        IFS=',' read type value <<< "$completion"
        if [[ $type == 'dir' ]]; then
            COMPREPLY=(); compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=(); compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=($value)
            [[ $value == *[:/] ]] && compopt -o nospace
        fi
    done
    return 0
}
%(complete_func)s_setup() {
    complete -o nosort -F %(complete_func)s %(prog_name)s
}
%(complete_func)s_setup;
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        from click.shell_completion import split_arg_string

        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1].isspace() else ""
        self.before_colon = incomplete[: incomplete.rfind(":") + 1]
        return words, incomplete

    def format_completion(self, item: CompletionItem) -> str:
        value = str(item.value)
        return f"{item.type},{value.removeprefix(self.before_colon)}"


add_completion_class(Bash)


def runs(incomplete: str) -> list[CompletionItem]:
    """Run directories below the word; where there are none, whatever directories there are."""
    found = [CompletionItem(path) for path in run_directories(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


def run_directories(incomplete: str) -> Iterator[str]:
    """Paths that begin so and hold a plan, as the user would go on typing them."""
    before, _, begun = incomplete.rpartition("/")
    start = Path(os.path.expanduser(f"{before}/" if before or incomplete.startswith("/") else "."))
    typed = f"{before}/" if before or incomplete.startswith("/") else ""
    level, looked = [(name, start / name) for name in names_in(start) if name.startswith(begun)], 0
    for _ in range(DEEP):
        below = []
        for name, place in level:
            looked += 1
            if looked > LOOKED_AT:
                return
            if (place / "plan.toml").is_file():
                yield typed + name
            else:
                below += [(f"{name}/{one}", place / one) for one in names_in(place)]
        level = below


def names_in(place: Path) -> list[str]:
    """The directories there, without hidden ones."""
    with suppress(OSError), os.scandir(place) as entries:
        return sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir())
    return []


def families(incomplete: str) -> list[CompletionItem]:
    """The families by name, each with what it is."""
    from memscope.steps.listings import FAMILIES

    known = [(name, about) for name, _, about, _ in FAMILIES if ":" not in name]
    known += [(f"resnet{depth}", "CIFAR's ResNet") for depth in (8, 14, 20, 32, 44, 56, 110)]
    offered = [(name, about) for name, about in known if " " not in name and name.startswith(incomplete)]
    return [CompletionItem(name, help=about) for name, about in offered]


def data(incomplete: str) -> list[CompletionItem]:
    """Bundled sets and forms of data; after the colon what is on the disk, or torchvision's names."""
    from memscope.steps.listings import datasets

    found = datasets()
    form, colon, place = incomplete.partition(":")
    if not colon:
        offered = [(each.form, each.about) for each in found.bundled]
        offered += [(each.form.partition(":")[0] + ":", each.about) for each in found.forms]
        return [CompletionItem(name, help=about) for name, about in offered if name.startswith(incomplete)]
    names = next((each.names for each in found.forms if each.form.startswith(f"{form}:")), ())
    if names and ":" not in place:
        return [CompletionItem(f"{form}:{name}") for name in names if name.startswith(place)]
    return [CompletionItem(f"{incomplete[: len(incomplete) - len(place)]}{path}") for path in paths(place)]


def paths(incomplete: str) -> list[str]:
    """What is on the disk and begins so; directories end in a slash."""
    before, slash, begun = incomplete.rpartition("/")
    typed = before + slash
    with suppress(OSError):
        with os.scandir(os.path.expanduser(typed) or ".") as entries:
            there = sorted((entry.name, entry.is_dir()) for entry in entries if entry.name.startswith(begun))
        return [f"{typed}{name}{'/' * folder}" for name, folder in there if begun or not name.startswith(".")]
    return []
