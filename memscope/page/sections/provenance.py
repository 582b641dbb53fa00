"""How it was made: the plan, versions and digests, and the commands that make it again."""

from collections.abc import Sequence

from memscope.findings.predictor import asked_again
from memscope.findings.screen import Command, Grid, command
from memscope.page.data import PageData
from memscope.page.html import command_line, joined, lines_of, listing, paragraph, table, tag, text
from memscope.page.section import Section
from memscope.plan.plan_file import plan_to_toml
from memscope.plan.recipe import RECORDED
from memscope.reports.results import call_of, named
from memscope.version import __version__


def section(data: PageData) -> Section:
    plan, score = data.run.plan, data.reports.get("score")
    facts = [
        ["memscope that made this page", __version__],
        ["digest of the plan", plan.digest],
        ["fingerprint of the data", plan.data.fingerprint],
        *(["models were made by: device, precision, torch, memscope", way] for way in (score.made_by if score else ())),
        *(
            [kind.replace("_", " "), value]
            for kind, found in (score.made_from if score else {}).items()
            for value in found
        ),
        ["images in the gallery", in_gallery(data)],
    ]
    results = [[named(name), state] for name, state in data.states.items()]
    return Section(
        id="provenance",
        title="How it was made",
        lead=paragraph(
            "All numbers come from the outcomes of single models, which the run keeps. The same plan gives the same "
            "numbers on the same kind of machine, whatever the number of workers."
        ),
        more=joined(
            [
                table("Versions and digests", Grid(["what", "which"], facts, left=2)),
                table("Results that this page is made from", Grid(["command", "state"], results, left=2)),
                tag("h3", text("To make it again")),
                listing([command_line(each) for each in commands(data)], class_="commands"),
                tag(
                    "details",
                    tag("summary", text("The plan")),
                    tag("pre", lines_of(plan_to_toml(plan).decode()), tabindex=0),
                ),
            ]
        ),
    )


def in_gallery(data: PageData) -> str:
    total = len(data.run.examples.labels)
    if not data.sampled:
        return f"all {total:,}"
    return f"{len(data.shown):,} of {total:,}: a random sample, and the extremes"


def commands(data: PageData) -> Sequence[Command]:
    """In the order in which they were, or could have been, called."""
    run, plan, reports = data.run.path, data.run.plan, data.reports
    found = []
    if plan.recipe.trainer != RECORDED:
        found.append(command("The models", "train-family", "NEW", "--plan", run / "plan.toml"))
    for name, report in reports.items():
        options: list[object] = []
        if name == "trajectories":
            options = ["--epsilon", f"{report.epsilon:g}", "--confidence", f"{report.confidence:g}"]
        if name == "memorability":
            source = ["--scores", report.source] if report.kind == "scores" else ["--predictor", report.kind]
            weights = ["--weights", "FILE"] if report.kind == "vitmem" else []
            options = [*source, *weights, "--epsilon", f"{report.epsilon:g}"]
        if name.startswith("influence"):
            options = ["--threshold", f"{report.threshold:g}", "--memorised", f"{report.memorised:g}"]
            options += ["--all-classes"] * report.all_classes
        if name == "predictor":
            options = [*["--with-label"] * report.with_label, *asked_again(report)]
        if name == "distill":
            for setting in report.settings:
                words = ["--teacher", setting.teacher, "--temperature", f"{setting.temperature:g}"]
                words += ["--soft-weight", f"{setting.soft_weight:g}", "--teacher-on", setting.teacher_on]
                found.append(command("distill", name, "NEW", *words))
            continue
        words = call_of(name, "NEW")
        if name in ("removal", "peel"):
            words = [report.removed if word == "N" else word for word in words]
            options = [*report.options, "--sets", report.sets, "--arm-models", report.models]
            options += ["--memorised", f"{report.threshold:g}"] if name == "peel" else []
        found.append(command(named(name).removesuffix(" N"), *words, *options))
    return [*found, command("This page", "report", "NEW")]
