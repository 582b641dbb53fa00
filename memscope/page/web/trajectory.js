"use strict";
// The trajectory of one example: its score over the sizes, with intervals; raw, and by the population estimate beside it.

const PLOT = { width: 440, height: 250, left: 40, right: 12, top: 12, bottom: 40 };

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {number[]} values a value for each size
 * @property {number[]} low
 * @property {number[]} high
 */

/** @param {number} example @returns {Series[]} */
function seriesOf(example) {
  const rows = [...PAGE.sizes.keys()];
  /** @param {string} name */
  const values = (name) => rows.map((row) => valueOf(name, example, row));
  const [score, population, sd] = [values("score"), values("population_score"), values("population_sd")];
  /** @param {number} times */
  const around = (times) => population.map((value, row) => value + times * (sd[row] ?? NaN));
  return [
    { name: "raw", values: score, low: values("score_low"), high: values("score_high") },
    { name: "population", values: population, low: around(-2), high: around(2) },
  ].filter((series) => series.values.some(Number.isFinite));
}

/**
 * A picture of it. What it shows stands in the table below it, so that it is one image to who cannot see it.
 * @param {number} example
 */
function trajectory(example) {
  const all = seriesOf(example);
  const ends = all.flatMap(({ values, low, high }) => [...values, ...low, ...high]).filter(Number.isFinite);
  const [lowest, highest] = [Math.max(-1, Math.min(0, ...ends)), Math.max(1, Math.min(1.2, ...ends, 1))];
  const { width, height, left, right, top, bottom } = PLOT;
  /** @param {number} value */
  const y = (value) =>
    top + ((highest - Math.min(highest, Math.max(lowest, value))) / (highest - lowest)) * (height - top - bottom);
  const places = PAGE.sizes.map((size) => (PAGE.axis === "width" && size > 0 ? Math.log2(size) : size));
  const [first, last] = [places[0] ?? 0, places.at(-1) ?? 0];
  /** @param {number} row */
  const x = (row) =>
    left + 16 + (last > first ? ((places[row] ?? 0) - first) / (last - first) : 0.5) * (width - left - right - 32);
  const axes = [-1, -0.5, 0, 0.5, 1]
    .filter((value) => value >= lowest - 1e-9)
    .flatMap((value) => [
      drawn("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: value ? "rule" : "rule zero" }),
      drawn("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, told(value).replace(/0$/, "")),
    ]);
  const every = Math.ceil(PAGE.sizes.length / 9);
  const ticks = PAGE.sizes.map((size, row) =>
    row % every ? null : drawn("text", { x: x(row), y: height - 22, "text-anchor": "middle" }, String(size)),
  );
  const title = drawn("text", { x: (left + width - right) / 2, y: height - 5, "text-anchor": "middle" }, PAGE.axis);
  const label = `Score over ${PAGE.axis}; the numbers are in the table`;
  return element(
    "figure",
    { class: "trajectory" },
    drawn(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
      ...axes,
      ...ticks,
      title,
      ...all.map((series, number) => drawnSeries(series, (row) => x(row) + (number ? 4 : -4) * (all.length - 1), y)),
    ),
    element("figcaption", {}, `Score by ${PAGE.axis}: `, ...all.flatMap(({ name }) => legend(name))),
  );
}

/** @param {string} name */
function legend(name) {
  const said =
    name === "raw" ? "raw, with its 95 % interval" : "population estimate, ± 2 posterior standard deviations";
  return [
    element("span", { class: `key ${name}`, "aria-hidden": "true" }, name === "raw" ? "●" : "□"),
    `\u00a0${said} `,
  ];
}

/**
 * @param {Series} series
 * @param {(row: number) => number} x
 * @param {(value: number) => number} y
 */
function drawnSeries({ name, values, low, high }, x, y) {
  const group = drawn("g", { class: name });
  const there = values.map((value, row) => (Number.isFinite(value) ? `${x(row)},${y(value)}` : "")).filter(Boolean);
  group.append(drawn("polyline", { points: there.join(" ") }));
  values.forEach((value, row) => {
    const [from, to] = [low[row] ?? NaN, high[row] ?? NaN];
    if (Number.isFinite(from) && Number.isFinite(to))
      group.append(drawn("line", { x1: x(row), x2: x(row), y1: y(from), y2: y(to) }));
    if (!Number.isFinite(value)) return;
    const sign =
      name === "raw"
        ? drawn("circle", { cx: x(row), cy: y(value), r: 4 })
        : drawn("rect", { x: x(row) - 3.5, y: y(value) - 3.5, width: 7, height: 7 });
    sign.append(drawn("title", {}, `${sizeName(row)}, ${name}: ${told(value)} (${told(from)} to ${told(to)})`));
    group.append(sign);
  });
  return group;
}
