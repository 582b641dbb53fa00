"""`memscope datasets` and `memscope families` in print."""

from memscope.reports.listings import DatasetsReport, FamiliesReport
from memscope.tables.printing import list_lines, say


def show_datasets(report: DatasetsReport) -> None:
    """All that `memscope datasets` prints."""
    list_lines("Bundled", [(each.form, each.about) for each in report.bundled])
    list_lines("Yours", [(each.form, each.about) for each in report.forms])
    for each in report.forms:
        if each.names:
            list_lines(f"{each.form.partition('[')[0]} has these NAMEs", [("", ", ".join(each.names))])
    say("Try: memscope train-family runs/new --data fashion-mnist-5k --dry-run")


def show_families(report: FamiliesReport) -> None:
    """All that `memscope families` prints."""
    rows = [(each.family, f"{each.sizes}: {each.about}") for each in report.families]
    list_lines("Families, their widths, and what they are", rows)
    lanes = dict.fromkeys(each.family.split()[0].rstrip("0123456789") for each in report.families if each.lanes)
    say(f"On CPUs narrow members of {', '.join(lanes)} train many times as fast, in lanes.")
    say("Try: memscope train-family new --data fashion-mnist-5k --family mlp --dry-run")
