"""`package.module:function` of the user's own, installed or in the working directory."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memscope.errors import OptionError
from memscope.torchvision_import import mend_torchvision


def import_function(name: str, what: str, arguments: str) -> Callable[..., Any]:
    """The function that `package.module:function` names; OptionError, saying `what` it is and its `arguments`.

    The working directory is searched after everything else, so that a `random.py` beside the user's data stands
    in for nothing.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise OptionError(f"the {what} {name!r} is not of the form package.module:function")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    mend_torchvision()  # which the module may import, or what it imports, now or when its function is called
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # the module is the user's: whatever stops its import is theirs to read
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise OptionError(f"the {what} {name} cannot be imported ({reason}); {_way(name, error)}") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        found = "has no" if function is None else f"has a {type(function).__name__}, not a function, as"
        raise OptionError(
            f"the {what} {name} cannot be used: {module_name} {found} {function_name}; name a function of ({arguments})"
        )
    return function


def _way(name: str, error: BaseException) -> str:
    """What to do about a module that cannot be imported."""
    module_name, _, function_name = name.partition(":")
    if module_name.endswith(".py"):
        place = Path(module_name)
        called = f", called in {place.parent}" if place.name != module_name else ""
        return f"name the module and not its file: {place.stem}:{function_name}{called}"
    lacking = error.name if isinstance(error, ModuleNotFoundError) else None
    if lacking and not f"{module_name}.".startswith(f"{lacking}."):
        return f"it imports {lacking}: install that"
    return "name an importable module, in the working directory or installed"


def source_digest(name: str) -> str | None:
    """SHA-256, in hex, of the source file of the imported module of `package.module:function`; None without a file.

    The file is read now: of a module that was edited after its import and not reloaded, this is not the code that runs.
    """
    module = sys.modules[name.partition(":")[0]]
    try:
        source = inspect.getsourcefile(module)
        return None if source is None else hashlib.sha256(Path(source).read_bytes()).hexdigest()
    except (TypeError, OSError):  # built into Python; inside an archive, or deleted since
        return None
