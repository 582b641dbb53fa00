"""`memscope doctor` in print."""

from memscope.findings.numbers import size_of
from memscope.reports.doctor import DoctorReport
from memscope.tables.printing import say, table, warning


def show(report: DoctorReport) -> None:
    """All that the command prints."""
    cores = f"{report.cores} of {report.cores_of_machine}"
    if report.cores_by_cgroup is not None:
        cores += f", by cgroup {report.cores_by_cgroup:g}"
    rows = [
        ["memscope", report.memscope],
        ["Python", f"{report.python} on {report.system}"],
        ["devices", ", ".join(report.devices)],
        ["cores", f"{cores}; torch takes {report.threads} thread{'s' * (report.threads != 1)}, a worker 1"],
        ["C compiler", report.compiler or "none"],
        ["lanes", "none" if report.lanes is None else f"{report.lanes} models at once"],
        ["bfloat16", "native" if report.bfloat16 else "not native: float32 is taken"],
        ["free disk", f"{size_of(report.free_bytes)} at the working directory"],
    ]
    names = list(report.packages.items())
    for first in range(0, len(names), 3):
        said = ", ".join(f"{name} {version}" for name, version in names[first : first + 3])
        rows.append(["packages" if first == 0 else "", said])
    table("This machine", ["what", "found"], rows, left=2)
    if report.speeds:
        table(
            "One worker on a cnn of width 4, images of 28 x 28 (measured)",
            ["backend", "images / s", "models / min of 20 epochs of 700"],
            [
                [each.backend, f"{each.images_per_second:,.0f}", f"{each.models_per_minute:,.1f}"]
                for each in report.speeds
            ],
        )
    for extra in report.missing_extras:
        say(f"Not installed, for {extra.needed_for}: {extra.command}")
    if not report.missing_extras:
        say("All extras are installed.")
    for each in report.advice:
        warning(f"Warning: {each}.")
