"""A section of the page: a finding, what it rests on, and figures, each with its table; all of it without a script.

A figure's numbers stand in its table. Scripts draw the chart above it when it comes into view.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from memscope.findings.screen import Command, Remark, Screen
from memscope.page.html import NOTHING, Html, command_line, embedded, joined, listing, paragraph, table, tag, text
from memscope.reports.results import named


@dataclass(frozen=True)
class Figure:
    """A chart, and its table."""

    id: str
    title: str
    """What it shows, in a sentence"""
    about: str
    """How to read it"""
    chart: dict[str, Any]
    """Its `kind`, and what web/charts/KIND.js draws it from"""
    table: Html
    print: bool = False
    """Whether it is on the summary that is printed"""

    def html(self) -> Html:
        caption = joined([tag("strong", text(self.title)), text(self.about)], " ")
        return tag(
            "figure",
            tag("figcaption", caption),
            tag("div", class_="legend"),
            tag(
                "div", class_="chart", role="img", aria_label=f"Chart: {self.title} Its numbers are in the table below."
            ),
            tag("details", tag("summary", text("Table")), self.table),
            id=self.id,
            class_=" ".join(filter(None, ["print" if self.print else "", "" if self.is_wide else "narrow"])) or None,
            data_chart=f"chart-{self.id}",
        )

    @property
    def is_wide(self) -> bool:
        """Whether it has several panels; others stand two beside each other where there is room."""
        return len(self.chart.get("panels", ())) > 1

    def data(self) -> Html:
        """What its chart is drawn from."""
        return embedded(f"chart-{self.id}", self.chart)


@dataclass(frozen=True)
class Headline:
    """A finding for the first screen."""

    words: str
    figure: str
    """The id of the figure, or of the section, that shows it"""
    images: str = ""
    """What the gallery shows of it, as its address has it: `type=increasing`"""


@dataclass(frozen=True)
class Section:
    """What one command found, or what else the page tells."""

    id: str
    title: str
    lead: Html
    """Its finding"""
    caveat: Html = NOTHING
    """What changes how the numbers are to be read"""
    figures: tuple[Figure, ...] = ()
    more: Html = NOTHING
    """Tables and commands, after the figures"""
    headlines: tuple[Headline, ...] = ()
    """For the first screen, what matters most first"""
    spare: tuple[Headline, ...] = ()
    """The rest of what it found, where the first screen has room"""
    commands: tuple[Command, ...] = ()
    """That would tell more"""

    def html(self) -> Html:
        inside = [tag("h2", text(self.title)), self.lead, self.caveat, *(one.html() for one in self.figures), self.more]
        return tag("section", joined(inside), id=self.id, class_="told" if self.figures else None)


def of_screen(
    name: str,
    title: str,
    screen: Screen,
    figures: Sequence[Figure],
    headlines: Sequence[Headline] = (),
    *,
    out_of_date: str = "",
) -> Section:
    """What a command tells on its screen, with figures; `headlines` lead the page, if they say anything."""
    findings = tuple(told for told in screen.findings if told)
    notes = [Remark(out_of_date, True)] if out_of_date else []
    return Section(
        id=name,
        title=title,
        lead=tag("div", *(paragraph(told) for told in findings), class_="lead"),
        caveat=remarks([*notes, *screen.notes]),
        figures=tuple(figures),
        more=joined(
            [
                table(f"{title}: what memscope {named(name)} prints", screen.grid) if screen.grid else NOTHING,
                listing([command_line(each) for each in to_do(screen)], class_="commands"),
            ]
        ),
        headlines=tuple(each for each in headlines if each.words),
        spare=tuple(Headline(told, name) for told in findings if not any(told in each.words for each in headlines)),
        commands=tuple(to_do(screen)),
    )


def remarks(notes: Sequence[Remark]) -> Html:
    """What changes how the numbers are to be read, in small print; warnings are not small."""
    if not notes:
        return NOTHING
    small = " ".join(note.text for note in notes if not note.warns)
    loud = [paragraph(note.text, class_="warning") for note in notes if note.warns]
    return tag("div", *loud, paragraph(small, class_="quiet"), class_="notes")


def to_do(screen: Screen) -> list[Command]:
    """The commands that would tell more; not those that draw what the page shows, or that it was made by."""
    return [each for each in screen.commands if "--plot" not in each.words and each.what_for != "Next"]
