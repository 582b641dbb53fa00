"use strict";
// Counts of examples by two numbers, in squares: a stronger colour is more, by the logarithm. Python has counted.

CHART_KINDS.squares = (data, width) => {
  /** @type {{name: string, counts: number[][]}[]} */
  const panels = data.panels;
  /** @type {number[]} */
  const edges = data.edges;
  const most = d3.max(panels.flatMap(({ counts }) => counts.flat())) || 1;
  const ends = occupied(panels.map(({ counts }) => counts));
  const { box, wide } = chartPanels(panels.length, Math.min(width, panels.length * 420), 300);
  for (const { name: heading, counts } of panels) {
    const squares = counts.flatMap((column, across) =>
      column.flatMap((count, up) =>
        count ? [{ ...{ count, x1: edges[across], x2: edges[across + 1], y1: edges[up], y2: edges[up + 1] } }] : [],
      ),
    );
    /** @param {{count: number}} square */
    const shade = ({ count }) => 0.12 + 0.88 * (Math.log1p(count) / Math.log1p(most));
    /** @param {any} square */
    const title = ({ count, x1, x2, y1, y2 }) =>
      [
        `${counted(count)} image${count === 1 ? "" : "s"}`,
        `${data.x.label}: ${told(x1)} to ${told(x2)}`,
        `${data.y.label}: ${told(y1)} to ${told(y2)}`,
      ].join("\n");
    const plot = Plot.plot({
      ...chartBase(wide, "chart-squares"),
      ...{ height: wide, marginLeft: 46, marginBottom: 44, marginTop: 26, marginRight: 12 },
      x: { domain: ends, label: data.x.label, ticks: 5, labelAnchor: "center", labelArrow: "none" },
      y: { domain: ends, label: data.y.label, ticks: 5, labelArrow: "none" },
      marks: [
        Plot.rect(squares, {
          x1: "x1",
          x2: "x2",
          y1: "y1",
          y2: "y2",
          fill: "var(--first)",
          fillOpacity: shade,
          inset: 0,
        }),
        Plot.line([ends[0], ends[1]], {
          x: (/** @type {number} */ at) => at,
          y: (/** @type {number} */ at) => at,
          stroke: "var(--quiet)",
          strokeDasharray: "4 3",
        }),
        Plot.frame({ stroke: "var(--rule)" }),
        chartTip(squares, {
          x: (/** @type {any} */ one) => (one.x1 + one.x2) / 2,
          y: (/** @type {any} */ one) => (one.y1 + one.y2) / 2,
          title,
        }),
      ],
    });
    box.append(element("div", {}, element("strong", {}, heading), plot));
  }
  return { drawn: box };

  /** The part of both axes, which are the same, that has examples. @param {number[][][]} all */
  function occupied(all) {
    /** @param {number} bin */
    const has = (bin) => all.some((counts) => counts[bin]?.some(Boolean) || counts.some((column) => column[bin]));
    const bins = d3.range(edges.length - 1).filter(has);
    return [edges[bins[0] ?? 0], edges[(bins.at(-1) ?? edges.length - 2) + 1]];
  }
};
