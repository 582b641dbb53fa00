"use strict";
// ROC curves on logarithmic axes: a line and a band for each attack, as far as they are told; the diagonal is guessing.

CHART_KINDS.roc = (data, width) => {
  /** @type {ChartSeries[]} */
  const series = data.series;
  /** @type {number[]} */
  const rates = data.false;
  /** @type {number} */
  const lowest = data.lowest;
  const inside = (/** @type {number | null | undefined} */ value) => (value == null ? null : Math.max(value, lowest));
  const points = series.flatMap(({ name, values, low, high }) =>
    rates.map((rate, at) => ({
      ...{ name, rate, shown: inside(values[at]), below: inside(low?.[at]), above: inside(high?.[at]) },
      ...{ value: values[at] ?? null, low: low?.[at] ?? null, high: high?.[at] ?? null },
    })),
  );
  const guessing = [lowest, 1].map((rate) => ({ rate }));
  const marks = [
    Plot.line(guessing, { x: "rate", y: "rate", stroke: "var(--quiet)", strokeDasharray: "1 3", strokeWidth: 1.5 }),
    Plot.text(["guessing"], {
      ...{ x: Math.sqrt(lowest), y: Math.sqrt(lowest), dx: 6, dy: 10, textAnchor: "start", fill: "var(--quiet)" },
    }),
  ];
  for (const one of series) {
    const mine = points.filter(({ name, shown }) => name === one.name && shown !== null);
    const colour = chartColour(one);
    const ends = mine.filter(({ below, above }) => below !== null && above !== null);
    marks.push(Plot.areaY(ends, { x: "rate", y1: "below", y2: "above", fill: colour, fillOpacity: 0.18 }));
    const strokeDasharray = one.dashed ? "6 4" : null;
    marks.push(Plot.line(mine, { x: "rate", y: "shown", stroke: colour, strokeWidth: 2, strokeDasharray }));
    marks.push(Plot.dot(mine.slice(0, 1), { x: "rate", y: "shown", r: 5, ...chartPaint(one) })); // where it ends
  }
  /** @param {typeof points[number]} point */
  const title = (point) => `${point.name}\n${chartRate(point.rate)}: ${chartBetween("percent", point)}`;
  marks.push(
    chartTip(
      points.filter(({ shown }) => shown !== null),
      { x: "rate", y: "shown", title },
    ),
  );
  const ticks = d3.range(Math.round(Math.log10(lowest)), 1).map((/** @type {number} */ power) => 10 ** power);
  const scale = { type: "log", domain: [lowest, 1], ticks, tickFormat: chartRate, grid: true, labelArrow: "none" };
  const plot = Plot.plot({
    ...chartBase(Math.min(width, 560), "chart-roc"),
    ...{ height: Math.min(width, 560), marginLeft: 62, marginBottom: 44, marginTop: 28, marginRight: 24 },
    x: { ...scale, label: "false-positive rate", labelAnchor: "center" },
    y: { ...scale, label: data.label },
    marks,
  });
  return { drawn: plot, series };
};

/** .1%, which other axes would round. @param {number} rate */
function chartRate(rate) {
  return `${Number((100 * rate).toPrecision(2))}%`;
}
