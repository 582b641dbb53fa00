"""`package.module:function` of the user's own, found beside the current directory as in `python -m`."""

import importlib
import sys
from typing import Any

from memscope.errors import OptionError


def import_function(name: str, what: str) -> Any:
    """The callable that `package.module:function` names; OptionError saying what failed."""
    module_name, _, function_name = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a console script does not look in the current directory by itself
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise OptionError(
            f"the {what} {name} cannot be imported: {error}; expected package.module:function, importable from here"
        ) from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise OptionError(f"the {what} {name}: module {module_name} has no function {function_name!r}")
    return function
