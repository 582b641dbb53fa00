"use strict";
// Series over the sizes: a line, a sign at each size, and a bar for its interval.

CHART_KINDS.lines = (data, width) => {
  /** @type {ChartSeries[]} */
  const series = data.series;
  /** @type {number[]} */
  const sizes = data.x.values;
  const scale = /** @type {ChartScale} */ (data.y);
  const points = series.flatMap((one, place) =>
    sizes.map((size, at) => ({
      ...{ size, value: one.values[at] ?? null, low: one.low?.[at] ?? null, high: one.high?.[at] ?? null },
      ...{ name: one.name, filter: one.filter, aside: 4 * (place - (series.length - 1) / 2) },
    })),
  );
  const marks = [];
  for (const [value, words] of scale.lines) {
    marks.push(Plot.ruleY([value], { stroke: "var(--quiet)", strokeDasharray: value ? "4 3" : null })); // that of 0 is whole
    if (words)
      marks.push(
        Plot.text([words], { ...{ y: value, frameAnchor: "right", dy: -8, textAnchor: "end" }, fill: "var(--quiet)" }),
      );
  }
  series.forEach((one, place) => {
    const mine = points.filter(({ name, value }) => name === one.name && value !== null);
    const [stroke, dx] = [chartColour(one), 4 * (place - (series.length - 1) / 2)];
    const ends = mine.filter(({ low, high }) => low !== null && high !== null);
    if (!one.bare && mine.length > 1)
      marks.push(
        Plot.line(mine, {
          x: "size",
          y: "value",
          stroke,
          dx,
          strokeWidth: 2,
          strokeDasharray: one.dashed ? "6 4" : null,
        }),
      );
    marks.push(Plot.ruleX(ends, { x: "size", y1: "low", y2: "high", stroke, dx, strokeWidth: 1.5 }));
    marks.push(Plot.dot(mine, { x: "size", y: "value", r: 5, dx, ...chartPaint(one) }));
  });
  /** @param {typeof points[number]} point */
  const title = (point) => `${point.name}\n${data.x.label} ${point.size}: ${chartBetween(scale.form, point)}`;
  marks.push(
    chartTip(
      points.filter(({ value }) => value !== null),
      { x: "size", y: "value", title },
    ),
  );
  const room = 34 * sizes.length > width - 70 ? Math.ceil((34 * sizes.length) / (width - 70)) : 1;
  const ticks = sizes.filter((_, place) => place % room === 0 || place === sizes.length - 1);
  const across =
    sizes.length < 2
      ? { type: "point", domain: sizes }
      : { type: data.x.log ? "log" : "linear", domain: [sizes[0], sizes.at(-1)] };
  const plot = Plot.plot({
    ...chartBase(Math.min(width, 720), "chart-lines"),
    ...{ height: Math.max(260, Math.min(360, width * 0.6)), marginLeft: 62, marginBottom: 44, marginTop: 28 },
    x: {
      ...across,
      ticks,
      tickFormat: String,
      label: data.x.label,
      insetLeft: 18,
      insetRight: 18,
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: {
      domain: chartDomain(scale, series),
      label: labelOf(scale),
      tickFormat: chartTicks(scale.form),
      ...(scale.form === "count" ? chartPowers(series) : { nice: scale.high === null, ticks: 6 }),
      grid: true,
      labelArrow: "none",
    },
    marks,
  });
  return { drawn: chartClicks(plot, ({ filter }) => filter), series };

  /** @param {ChartScale} of */
  function labelOf(of) {
    return of.form === "points" ? `${of.label}, points` : of.label;
  }
};
