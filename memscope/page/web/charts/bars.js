"use strict";
// Bars from 0: a group for each name, a bar in it for each series, in one panel or several on the same scale.

CHART_KINDS.bars = (data, width, id) => {
  /** @type {{name: string, series: ChartSeries[]}[]} */
  const panels = data.panels;
  /** @type {string[]} */
  const names = data.names;
  const scale = /** @type {ChartScale} */ (data.x);
  const every = panels.flatMap(({ series }) => series);
  const domain = chartDomain({ ...scale, lines: [...scale.lines, [0, ""]] }, every);
  const { box, wide } = chartPanels(panels.length, width, 330);
  const beside = Math.max(...names.map((name) => name.length)) * CHART_FONT * 0.56 + 14;
  for (const [number, { name: heading, series }] of panels.entries()) {
    const bars = series.flatMap((one) =>
      names.map((name, at) => ({ name, series: one.name, value: one.values[at] ?? null })),
    );
    const known = bars.filter(({ value }) => value !== null);
    const marks = [
      () =>
        stripes(
          series.filter(({ mark }) => mark === "striped"),
          `${id}-${number}`,
        ),
      Plot.gridX({ stroke: "var(--rule)", strokeOpacity: 1 }),
      ...series.map((one) =>
        Plot.barX(
          known.filter((bar) => bar.series === one.name),
          {
            ...{ x: "value", y: "series", fy: "name", stroke: chartColour(one), inset: 1 },
            fill: one.mark === "striped" ? `url(#stripes-${id}-${number})` : chartColour(one),
          },
        ),
      ),
      Plot.ruleX([0], { stroke: "var(--quiet)" }),
      chartTip(known, { x: "value", y: "series", fy: "name", title: titleOf }),
    ];
    const plot = Plot.plot({
      ...chartBase(wide, "chart-bars"),
      ...{ height: names.length * (series.length * 12 + 14) + 60, marginLeft: beside, marginBottom: 44, marginTop: 10 },
      x: {
        domain,
        label: scale.label,
        nice: true,
        ticks: wide / 90,
        labelAnchor: "center",
        labelArrow: "none",
        tickFormat: chartTicks(scale.form),
      },
      y: { domain: series.map(({ name }) => name), axis: null },
      fy: { domain: names, label: null, padding: 0.2 },
      marks,
    });
    box.append(element("div", {}, element("strong", {}, heading), plot));
  }
  return { drawn: box, series: panels[0]?.series ?? [] };

  /** @param {{name: string, series: string, value: number}} bar */
  function titleOf(bar) {
    return `${bar.name}\n${bar.series}: ${chartNumber(scale.form, bar.value)}`;
  }
};

/** A filling of stripes, for series that have one. @param {ChartSeries[]} striped @param {string} name */
function stripes(striped, name) {
  const made = drawn("defs");
  for (const series of striped.slice(0, 1)) {
    const line = drawn("path", { d: "M0,6L6,0M-1,1L1,-1M5,7L7,5", stroke: chartColour(series), "stroke-width": 1.5 });
    made.append(drawn("pattern", { id: `stripes-${name}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, line));
  }
  return made;
}
