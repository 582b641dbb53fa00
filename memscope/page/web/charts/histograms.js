"use strict";
// Shares by bin, a panel for each size, with a square-root scale: on another one the many at 0 would hide the others.

const HISTOGRAM_TICKS = [0, 0.01, 0.05, 0.25, 1];

CHART_KINDS.histograms = (data, width) => {
  /** @type {{name: string, size: number, series: ChartSeries[]}[]} */
  const panels = data.panels;
  /** @type {number[]} */
  const edges = data.edges;
  const every = panels.flatMap(({ series }) => series);
  const most = Math.max(0.05, d3.max(every.flatMap(({ values }) => values)) ?? 1);
  const ticks = HISTOGRAM_TICKS.filter((tick) => tick <= most);
  const { box, wide } = chartPanels(panels.length, width, 240);
  for (const { name: heading, size, series } of panels) {
    const bins = edges.slice(0, -1).map((from, at) => ({ from, to: edges[at + 1] ?? from, at }));
    const marks = [Plot.gridY(ticks, { stroke: "var(--rule)", strokeOpacity: 1 })];
    for (const [value] of data.x.lines)
      marks.push(Plot.ruleX([value], { stroke: "var(--quiet)", strokeDasharray: "2 3" }));
    for (const one of series) {
      /** @param {{at: number}} bin */
      const share = ({ at }) => one.values[at] ?? 0;
      if (one.mark === "filled")
        marks.push(
          Plot.rect(bins, { x1: "from", x2: "to", y1: 0, y2: share, fill: chartColour(one), fillOpacity: 0.5 }),
        );
      else {
        const steps = bins.flatMap((bin) => [bin.from, bin.to].map((x) => ({ x, y: share(bin) })));
        marks.push(Plot.line(steps, { x: "x", y: "y", stroke: chartColour(one), strokeWidth: 2 }));
      }
    }
    marks.push(Plot.ruleY([0], { stroke: "var(--quiet)" }));
    /** @param {{from: number, to: number, at: number}} bin */
    const title = (bin) =>
      [
        `score ${told(bin.from)} to ${told(bin.to)}`,
        ...series.map((one) => `${chartNumber("percent", one.values[bin.at])} of ${one.name}`),
      ].join("\n");
    /** @param {{from: number, to: number}} bin */
    const middle = ({ from, to }) => (from + to) / 2;
    /** @param {{at: number}} bin */
    const top = ({ at }) => Math.max(...series.map(({ values }) => values[at] ?? 0));
    marks.push(chartTip(bins, { x: middle, y: top, title }, Plot.pointerX));
    const plot = Plot.plot({
      ...chartBase(wide, "chart-histograms"),
      ...{ height: 190, marginLeft: 46, marginBottom: 40, marginTop: 12 },
      x: {
        domain: [edges[0], edges.at(-1)],
        label: data.x.label,
        ticks: [-1, -0.5, 0, 0.5, 1],
        labelAnchor: "center",
        labelArrow: "none",
      },
      y: {
        type: "sqrt",
        domain: [0, most],
        ticks,
        tickFormat: chartTicks("percent"),
        label: null,
      },
      marks,
    });
    chartClicks(plot, ({ from, to }) => ({ size, low: from.toFixed(3), high: to.toFixed(3) }));
    box.append(element("div", {}, element("strong", {}, heading), plot));
  }
  return { drawn: box, series: panels[0]?.series ?? [] };
};
