"""The first screen: what was trained, on what; what was found; and what would tell what cannot be told yet."""

from collections.abc import Sequence

from memscope.findings.screen import Command, command
from memscope.findings.words import short
from memscope.page.data import PageData
from memscope.page.html import NOTHING, Html, command_line, joined, link, listing, paragraph, tag, text
from memscope.page.section import Headline, Section
from memscope.plan.recipe import RECORDED
from memscope.reports.results import call_of
from memscope.text import counted

FEWEST, MOST = 3, 5
"""Findings on the first screen"""
QUESTIONS = {
    "score": "How much is memorised",
    "trajectories": "How that changes with size",
    "convergence": "Whether there are models enough",
    "influence": "Which training images carry which test images",
    "influence-training": "Which training images carry each other",
    "resmem": "What an explicit memory of residuals adds",
    "distill": "Whether students of a larger teacher memorise less",
    "proxies": "Which cheaper proxies follow the score",
    "memorability": "Whether people remember what models memorise",
    "predictor": "Whether an image shows that models will memorise it",
    "removal": "What models do without the most memorised images",
    "peel": "Whether others are memorised in their place",
    "privacy": "Whether attacks tell what models were trained on",
}
"""What the results of each command answer"""
NOT_ASKED_FOR = ("convergence", "influence-training")
"""Results that are told where they are there, and not missed where they are not"""


def first_screen(data: PageData, sections: Sequence[Section]) -> Html:
    return tag(
        "section",
        joined(
            [
                paragraph(trained(data), class_="trained"),
                findings(leading(sections)),
                untold(data, sections),
            ]
        ),
        id="summary",
        class_="summary",
    )


def trained(data: PageData) -> str:
    """What was trained, on what, in a sentence."""
    plan, examples = data.run.plan, data.run.examples
    models, sizes = models_of(data)
    flipped = 0 if examples.flipped is None else int(examples.flipped.sum())
    noise = f", {counted(flipped, 'label')} flipped on purpose" if flipped else ""
    span = f"{plan.axis} {sizes[0]}" + (f" to {sizes[-1]}" if len(sizes) > 1 else "")
    at = f"at each of {len(sizes)} {plan.axis}s ({span})" if len(sizes) > 1 else f"at {span}"
    by = "put in from elsewhere" if plan.recipe.trainer == RECORDED else "trained"
    return (
        f"{models} networks of the family {short(plan.learner, 60)} were {by} {at}, each on a random "
        f"{plan.fraction:.0%} of {len(examples.labels):,} images of {short(plan.data.spec, 60)} in "
        f"{counted(len(examples.class_names), 'class')}{noise}. An image is memorised as far as networks get it right "
        "only if they were trained on it: its score is the accuracy of those that were, less that of those that were "
        "not."
    ).replace("classs", "classes")


def models_of(data: PageData) -> tuple[str, Sequence[int]]:
    """How many models were counted of each size, and the sizes."""
    score, trajectories = data.reports.get("score"), data.reports.get("trajectories")
    if score is not None:
        numbers, sizes = [row.models for row in score.sizes], [row.size for row in score.sizes]
    elif trajectories is not None:
        numbers, sizes = list(trajectories.models), list(trajectories.all_sizes.sizes)
    else:
        numbers, sizes = [data.run.plan.models], list(data.run.plan.sizes)
    few, many = min(numbers), max(numbers)
    return (f"{many:,}" if few == many else f"{few:,} to {many:,}"), sizes


def leading(sections: Sequence[Section]) -> list[Headline]:
    """What each section leads with; where those are few, what else they found."""
    leads = [each for section in sections for each in section.headlines][:MOST]
    return leads + [each for section in sections for each in section.spare][: max(0, FEWEST - len(leads))]


def findings(headlines: Sequence[Headline]) -> Html:
    if not headlines:
        return NOTHING
    items = [
        tag(
            "li",
            joined(
                [
                    text(each.words),
                    link(f"#{each.figure}", "Show this"),
                    link(f"#gallery?{each.images}", "Show the images") if each.images else NOTHING,
                ],
                " ",
            ),
        )
        for each in headlines
    ]
    return joined([tag("h2", text("Findings")), tag("ol", *items, class_="findings")])


def untold(data: PageData, sections: Sequence[Section]) -> Html:
    """What cannot be told, and the command that would."""
    items = [command_line(each) for each in more_of(sections)]
    for name, state in data.states.items():
        question, run = QUESTIONS.get(name, f"What {name} finds"), data.run.path
        reason = data.not_yet.get(name, "")
        if state == "current" or (state == "missing" and name in NOT_ASKED_FOR):
            continue
        if state == "out of date":
            question = f"{question}, by all the models that there are now"
        if reason:
            items.append(text(f"{question} cannot be told yet: {reason}"))
        else:
            items.append(command_line(command(question, *call_of(name, run), *options_of(data, name))))
    if not items:
        return NOTHING
    return tag("div", tag("h2", text("What would tell more")), listing(items, class_="commands"), class_="untold")


def more_of(sections: Sequence[Section]) -> list[Command]:
    """What sections ask for, each once: of several numbers of models the largest."""
    found: dict[str, Command] = {}
    for section in sections:
        for each in section.commands:
            if "--suspects" in each.words:  # the page shows them itself
                continue
            key = " ".join(word for word in each.words if not word.isdigit())
            if key not in found or numbers(each) > numbers(found[key]):
                found[key] = each
    return list(found.values())


def numbers(each: Command) -> list[int]:
    return [int(word) for word in each.words if word.isdigit()]


def options_of(data: PageData, name: str) -> list[object]:
    return ["--teacher", max(data.run.plan.sizes)] if name == "distill" else []
