"""The scripts of examples/, which are no package: each is imported as a script that is run sees its neighbours."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "examples"))
