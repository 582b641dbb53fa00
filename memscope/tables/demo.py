"""`memscope demo` in print: what the reader has just seen, in a few sentences."""

from memscope.findings import demo
from memscope.reports.demo import Demonstration
from memscope.tables.distill import show_students
from memscope.tables.printing import headline, show_screen
from memscope.tables.resmem import show_subsets
from memscope.tables.score import show_scores
from memscope.tables.trajectories import show_types


def show(shown: Demonstration, details: bool = False) -> None:
    """One screen, after all that the commands found with `details`."""
    if details:
        show_scores(shown.scores)
        show_types(shown.types)
        show_subsets(shown.memories)
        show_students(shown.students)
    headline("What you have just seen")
    show_screen(demo.screen(shown))
