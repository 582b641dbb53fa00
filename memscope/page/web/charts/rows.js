"use strict";
// A row for each name, and in it a sign with its interval for each series. Names stand beside their rows, or above them
// where that would leave too little room.

CHART_KINDS.rows = (data, width) => {
  /** @type {ChartSeries[]} */
  const series = data.series;
  /** @type {string[]} */
  const names = data.names;
  const scale = /** @type {ChartScale} */ (data.x);
  const longest = Math.max(...names.map((name) => name.length)) * CHART_FONT * 0.56 + 16;
  const beside = longest < width * 0.4;
  const [between, above] = [14, beside ? 10 : 26];
  const row = series.length * between + above;
  const points = series.flatMap((one, place) =>
    names.map((name, at) => ({
      ...{
        name,
        series: one.name,
        value: one.values[at] ?? null,
        low: one.low?.[at] ?? null,
        high: one.high?.[at] ?? null,
      },
      y: at * row + above + (place + 0.2) * between,
      filter: one.filter,
    })),
  );
  const marks = [Plot.gridX({ stroke: "var(--rule)", strokeOpacity: 1 })];
  const height = names.length * row;
  for (const [value, words] of scale.lines) {
    marks.push(Plot.ruleX([value], { stroke: "var(--quiet)", strokeDasharray: words || value ? "4 3" : null }));
    if (words) marks.push(Plot.text([words], { x: value, frameAnchor: "top", dy: -10, fill: "var(--quiet)" }));
  }
  if (beside)
    marks.push(
      Plot.text(names, {
        ...{ frameAnchor: "left", dx: -8, textAnchor: "end", text: (/** @type {string} */ name) => name },
        y: (/** @type {string} */ _, /** @type {number} */ at) => at * row + (row + above) / 2 - between * 0.3,
      }),
    );
  else
    marks.push(
      Plot.text(names, {
        ...{
          frameAnchor: "left",
          dx: 2,
          textAnchor: "start",
          text: (/** @type {string} */ name) => name,
          fontWeight: 600,
        },
        y: (/** @type {string} */ _, /** @type {number} */ at) => at * row + above * 0.5,
      }),
    );
  marks.push(
    Plot.ruleY(d3.range(1, names.length), { y: (/** @type {number} */ at) => at * row, stroke: "var(--rule)" }),
  );
  for (const one of series) {
    const mine = points.filter((point) => point.series === one.name && point.value !== null);
    const ends = mine.filter(({ low, high }) => low !== null && high !== null);
    marks.push(Plot.ruleY(ends, { y: "y", x1: "low", x2: "high", stroke: chartColour(one), strokeWidth: 1.5 }));
    marks.push(Plot.dot(mine, { x: "value", y: "y", r: 5, ...chartPaint(one) }));
  }
  /** @param {typeof points[number]} point */
  const title = (point) => `${point.name}\n${point.series}: ${chartBetween(scale.form, point)}`;
  marks.push(
    chartTip(
      points.filter(({ value }) => value !== null),
      { x: "value", y: "y", title },
    ),
  );
  const plot = Plot.plot({
    ...chartBase(Math.min(width, 800), "chart-rows"),
    ...{ height: height + 70, marginLeft: beside ? longest : 14, marginTop: 26, marginBottom: 44, marginRight: 20 },
    x: {
      domain: chartDomain(scale, series),
      label: scale.label,
      tickFormat: chartTicks(scale.form),
      labelAnchor: "center",
      nice: true,
      ticks: width / 110,
      labelArrow: "none",
    },
    y: { domain: [0, height], axis: null, reverse: true },
    marks,
  });
  return { drawn: chartClicks(plot, ({ filter }) => filter), series };
};
