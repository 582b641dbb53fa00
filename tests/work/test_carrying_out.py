"""What was done is counted as soon as it is written, and quick work is not held up by that."""

import shutil
import time
from collections.abc import Iterator
from functools import partial

import pytest

from memscope.engines import Report
from memscope.run import open_run
from memscope.store.ledger import Task
from memscope.work.carrying_out import Work, keep


@pytest.mark.parametrize(("comes_after", "counted_first"), [(0.5, True), (0.0, False)])
def test_a_report_is_counted_before_a_long_wait_for_the_next_and_quick_ones_do_not_wait(
    tiny_run, tmp_path, comes_after, counted_first
):
    shutil.copytree(tiny_run, tmp_path / "run")
    run, counted, before_the_second = open_run(tmp_path / "run"), [], []

    def reports() -> Iterator[Report]:
        for number in range(2):
            before_the_second.append(bool(counted))
            time.sleep(comes_after)
            yield Report((Task("onehot", 2, number, 1),), ["product"])

    def write(task, product):
        time.sleep(0.1)
        return product

    work = Work(
        open=partial(pytest.fail, "nothing is opened"),
        path_of=lambda task: run.path / f"outcomes/{task.first}.h5",
        write=write,
    )
    for report, told in keep(run, work, reports()):
        assert told == ["product"]
        counted.append(report)
    assert len(counted) == 2
    assert before_the_second == [False, counted_first]
