"""How to cite: memscope as its CITATION.cff says it, and the papers of the quantities on the page."""

from collections.abc import Sequence

from memscope.page.data import PageData
from memscope.page.html import Html, joined, lines_of, listing, paragraph, tag
from memscope.page.section import Section
from memscope.page.sections.methods import Reference, cited
from memscope.version import __version__

AUTHOR = "The memscope developers"
TITLE = "memscope: which training examples an image classifier memorises, and how that changes as the model grows"
LICENCE = "Apache-2.0"


def section(data: PageData) -> Section:
    entry = [
        "@software{memscope,",
        f"  author  = {{{{{AUTHOR}}}}},",
        f"  title   = {{{{{TITLE}}}}},",
        f"  version = {{{__version__}}},",
        f"  license = {{{LICENCE}}}",
        "}",
    ]
    return Section(
        id="cite",
        title="How to cite",
        lead=joined(
            [
                paragraph(f"{AUTHOR}. {TITLE}. Version {__version__}, {LICENCE}."),
                tag("pre", lines_of("\n".join(entry)), tabindex=0),
                paragraph("Please cite the papers of the quantities that you report, too:"),
                references(cited(data)),
            ]
        ),
    )


def references(found: Sequence[Reference]) -> Html:
    return listing([each.html() for each in found], class_="references")
