"""The figures of `memscope proxies`, from its report."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from memscope.plots.proxies.overview import draw_proxies
from memscope.plots.proxies.shown import leading
from memscope.plots.proxies.trajectories import draw_proxy_trajectories, known_types, with_trajectories
from memscope.reports.proxies import ProxiesReport


def figures(report: ProxiesReport) -> Iterator[tuple[str, Figure]]:
    """The overview, then mean trajectories where there are sizes to have them over."""
    if leading(report) and report.sizes:
        yield "proxies", draw_proxies(report)
    if len(report.sizes) > 1 and with_trajectories(report) and known_types(report):
        yield "proxies-trajectories", draw_proxy_trajectories(report)
