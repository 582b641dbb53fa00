"""matplotlib, imported so that no setting of a screen or a notebook stops us: our figures are files, drawn by Agg.

`import matplotlib` takes `MPLBACKEND` for its backend, and raises for a name that it does not know: a notebook's
`module://matplotlib_inline.backend_inline` where a program that it starts lacks that package, `Qt4Agg` of years ago.
So the variable is set aside for the import. After it everything is as a user of matplotlib left it: in a notebook
that imports memscope first, plots appear where they are expected.
"""

import os
import sys
from contextlib import suppress

from memscope.errors import MemscopeError


def import_matplotlib() -> None:
    """Import matplotlib, whatever `MPLBACKEND` says; MemscopeError where it cannot be imported at all."""
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except Exception as error:  # a matplotlibrc that is no text, no place for its files: theirs to read
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise MemscopeError(
            f"matplotlib, which draws the figures, cannot be imported ({reason}); mend that, or leave out --plot"
        ) from error
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        with suppress(ValueError):  # what it does not know it would have raised for
            matplotlib.rcParams["backend"] = backend


import_matplotlib()
