"""`report.html`: sections, data and scripts put together in one file that asks no other host for anything.

All that there is to read stands in the HTML before any script. Scripts stand at its end, after what they read; the
policy in its head names each by its digest, so that no other runs, whatever stands in a class or file name.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from memscope.findings.words import listed, short
from memscope.page.columns import squeezed
from memscope.page.data import PageData
from memscope.page.html import Html, embedded, held, joined, lines_of, link, paragraph, tag, text
from memscope.page.section import Section
from memscope.page.sections import (
    cite,
    distill,
    first,
    influence,
    memorability,
    methods,
    others,
    predictor,
    privacy,
    provenance,
    proxies,
    resmem,
    score,
    trajectories,
)
from memscope.version import __version__

WEB = Path(__file__).parent / "web"
VENDORED = (
    ("d3.min.js", "d3 7.9.0", "f2094bbf6141b359722c4fe454eb6c4b0f0e42cc10cc7af921fc158fceb86539"),
    ("plot.umd.min.js", "Observable Plot 0.6.17", "4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb"),
)
"""What others have published, in web/vendor/: file, version, SHA-256. LICENSES there has the licences of all inside."""
MODULES = (score, trajectories, influence, resmem, distill, proxies, memorability, predictor, privacy)


def document(data: PageData) -> str:
    """The whole page."""
    return "".join(parts(data))


def parts(data: PageData) -> Iterator[Html]:
    """The page, from its first line to its last; what is large comes one by one."""
    sections = sections_of(data)
    scripts = [source(WEB / name) for name in script_names()]
    name = short(data.run.path.resolve().name, 60)
    head = joined(
        [
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts)}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="color-scheme" content="light dark">'),
            Html('<meta name="referrer" content="no-referrer">'),
            Html(f'<meta name="generator" content="memscope {text(__version__)}">'),
            tag("title", text(f"{name} - memscope")),
            Html(f"<style>{styles()}</style>"),
        ]
    )
    yield Html(f'<!doctype html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n')
    after = rest(data, sections)
    main = tag("main", joined([first.first_screen(data, sections), *(each.html() for each in after)]), id="main")
    yield joined([header(data, name, after), main, footer()])
    yield Html("\n")
    for figure in (figure for section in sections for figure in section.figures):
        yield line(figure.data())
    yield line(embedded("data", data.head()))
    for column in data.columns:
        yield line(held(f"column-{column.name}", "text/plain", in_base64(column.packed)))
    if data.names:
        yield line(held("names", "text/plain", in_base64(squeezed("\n".join(data.names).encode()))))
    for number, sheet in enumerate(data.sheets):
        yield line(held(f"sheet-{number}", "text/plain", in_base64(sheet)))
    for pairs in data.pairs:
        yield line(held(f"pairs-{pairs.group}", "text/plain", in_base64(pairs.packed)))
        for number, sheet in enumerate(pairs.sheets):
            yield line(held(f"pairs-{pairs.group}-sheet-{number}", "text/plain", in_base64(sheet)))
    for script in scripts:
        yield Html(f"<script>{script}</script>\n")
    yield Html("</body>\n</html>\n")


def line(content: Html) -> Html:
    return Html(f"{content}\n")


def sections_of(data: PageData) -> list[Section]:
    """What the run's results tell, in the order in which they are read."""
    found = [section for module in MODULES for section in made_by(module, data)]
    known = {module.__name__.rpartition(".")[2] for module in MODULES} | {influence.AMONG_TRAINING}
    rest = [name for name in data.reports if name not in known]
    found += [others.section(data, name) for name in rest]
    return [section for section in found if section is not None]


def made_by(module: ModuleType, data: PageData) -> list[Section | None]:
    """The sections of a module: of influence there may be two, on test images and among training images."""
    return [module.section(data), *([influence.among_training(data)] if module is influence else [])]


def header(data: PageData, name: str, sections: list[Section]) -> Html:
    """What the page is about, and links to what is on it."""
    plan = data.run.plan
    return tag(
        "header",
        tag("a", text("Skip to the findings"), href="#main", class_="skip"),
        paragraph(f"memscope report of the run {name}", class_="quiet"),
        tag("h1", text(f"What {short(plan.learner)} memorises of {short(plan.data.spec)}")),
        tag("nav", *(link(f"#{each.id}", each.title) for each in sections), aria_label="On this page"),
        tag("div", id="theme"),  # scripts put a button there
    )


def rest(data: PageData, sections: list[Section]) -> list[Section]:
    """All after the first screen; the gallery, which scripts fill, stands before what is for reference."""
    unseen = tag("noscript", paragraph("The gallery needs scripts; all else on this page does not."))
    gallery = Section(id="gallery", title="Images" if data.sampled else "Every image", lead=unseen)
    return [*sections, gallery, methods.section(data), provenance.section(data), cite.section(data)]


def footer() -> Html:
    """Who made it, and the licences of the scripts of others, which ask to be given on with every copy."""
    licences = lines_of((WEB / "vendor" / "LICENSES").read_text(encoding="utf-8"))
    named = listed([what for _, what, _ in VENDORED])
    return tag(
        "footer",
        paragraph(f"Made by memscope {__version__}."),
        tag(
            "details",
            tag("summary", text(f"Licences of {named}, which draw its charts")),
            tag("pre", licences, tabindex=0),
        ),
    )


def script_names() -> list[str]:
    """The page's scripts in the order in which they run: those of others, then our own."""
    return (WEB / "order.txt").read_text(encoding="utf-8").split()


def source(file: Path) -> str:
    """A script. What would end its element must not stand in one: browsers would read on as HTML."""
    content = file.read_text(encoding="utf-8")
    assert "</script" not in content.lower(), file
    assert "<!--" not in content, file
    return content


def styles() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(WEB.glob("*.css")))


def policy(scripts: list[str]) -> str:
    """No script but these, no request at all. Plot writes styles into the figures that it draws."""
    digests = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {digests}",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def in_base64(content: bytes) -> Html:
    return Html(b64encode(content).decode())
