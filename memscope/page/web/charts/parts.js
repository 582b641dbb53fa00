"use strict";
// What charts of all kinds share: signs, legends, numbers, axes, and what a click does.

const CHART_FONT = 13; // pixels

/** Signs of series; those that Plot does not know by name draw themselves. @type {Record<string, any>} */
const CHART_SYMBOLS = {
  circle: "circle",
  ring: "circle",
  triangle: "triangle",
  diamond: "diamond",
  square: "square",
  times: "times",
  "triangle-down": {
    /** @param {CanvasPath} context @param {number} size */
    draw(context, size) {
      const half = Math.sqrt(size / (Math.sqrt(3) * 3));
      context.moveTo(0, half * 2);
      context.lineTo(-Math.sqrt(3) * half, -half);
      context.lineTo(Math.sqrt(3) * half, -half);
      context.closePath();
    },
  },
  bar: {
    /** @param {CanvasPath} context @param {number} size */
    draw(context, size) {
      const half = Math.sqrt(size) * 0.75;
      context.rect(-1, -half, 2, 2 * half);
    },
  },
};

/** The colour of a series. @param {ChartSeries} series */
function chartColour(series) {
  return `var(--${series.colour})`;
}

/** How a mark of a series is painted. @param {ChartSeries} series */
function chartPaint(series) {
  const colour = chartColour(series);
  const fill = series.mark === "ring" ? "var(--ground)" : series.mark === "times" ? "none" : colour;
  return { symbol: CHART_SYMBOLS[series.mark], fill, stroke: colour, strokeWidth: series.mark === "times" ? 2.5 : 1.5 };
}

/** A series in the legend: a button where the gallery can show its images. @param {ChartSeries} series */
function chartLegend(series) {
  const sign = drawn("svg", { width: 22, height: 12, "aria-hidden": "true" });
  const colour = chartColour(series);
  if (series.mark === "filled" || series.mark === "striped" || series.mark === "line") {
    const fill = series.mark === "filled" ? colour : "none";
    sign.append(drawn("rect", { x: 1, y: 1, width: 20, height: 10, fill, stroke: colour, "stroke-width": 2 }));
    if (series.mark === "striped")
      for (const x of [6, 11, 16]) sign.append(drawn("path", { d: `M${x - 4},11L${x + 4},1`, stroke: colour }));
  } else {
    if (!series.bare)
      sign.append(drawn("path", { d: "M0,6H22", stroke: colour, "stroke-dasharray": series.dashed ? "4 3" : null }));
    const { fill, stroke, strokeWidth } = chartPaint(series);
    const symbol = CHART_SYMBOLS[series.mark];
    const shape = typeof symbol === "string" ? d3[`symbol${symbol.charAt(0).toUpperCase()}${symbol.slice(1)}`] : symbol;
    const path = d3.symbol(shape, 50)();
    sign.append(drawn("path", { d: path, transform: "translate(11,6)", fill, stroke, "stroke-width": strokeWidth }));
  }
  const { filter } = series;
  if (!filter || typeof showInGallery !== "function") return element("span", {}, sign, series.name);
  const shows = button("", () => showInGallery(filter), { title: `Show these images: ${series.name}` });
  shows.append(sign, series.name);
  return shows;
}

/** A number as its axis has it. @param {string} form @param {number | null | undefined} value */
function chartNumber(form, value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (form === "number") return told(value);
  if (form === "count") return value >= 10 || Number.isInteger(value) ? counted(Math.round(value)) : value.toFixed(1);
  const digits = (100 * Math.abs(value)).toFixed(1);
  const sign = value < 0 && Number(digits) !== 0 ? "\u2212" : form === "points" && value > 0 ? "+" : "";
  return form === "percent" ? `${sign}${digits}%` : `${sign}${digits} points`;
}

/** A value and its interval. @param {string} form @param {{value: number | null, low?: number | null, high?: number | null}} found */
function chartBetween(form, { value, low, high }) {
  const ends = low == null || high == null ? "" : ` (${chartNumber(form, low)} to ${chartNumber(form, high)})`;
  return chartNumber(form, value) + ends;
}

/** Ticks of an axis, short. @param {string} form */
function chartTicks(form) {
  if (form === "number") return undefined;
  if (form === "count") return counted;
  return (/** @type {number} */ value) => {
    const shown = String(Math.round(1000 * value) / 10).replace("-", "\u2212");
    return form === "percent" ? `${shown}%` : shown;
  };
}

/** The ends of an axis: as they are asked for, else so that all that is drawn has room. @param {ChartScale} scale @param {ChartSeries[]} series */
function chartDomain(scale, series) {
  const all = [...series.flatMap(({ values, low, high }) => [values, low ?? [], high ?? []]).flat()];
  const known = all.filter((value) => value !== null && Number.isFinite(value));
  const [least, most] = d3.extent([...known, ...scale.lines.map(([value]) => value)]);
  if (least === undefined) return [0, 1];
  const room = most > least ? 0.04 * (most - least) : 0.1;
  return [scale.low ?? least - room, scale.high ?? most + room];
}

/** A scale for numbers of things: logarithmic, and from 0 on where one is below ten. @param {ChartSeries[]} series */
function chartPowers(series) {
  const all = series.flatMap(({ values, low, high }) => [...values, ...(low ?? []), ...(high ?? [])]);
  const known = all.filter((value) => value !== null && Number.isFinite(value)).map(Number);
  const [least, most] = [Math.min(...known, Infinity), Math.max(...known, 10)];
  const first = least >= 10 && least < Infinity ? Math.floor(Math.log10(least)) : 0;
  const powers = d3.range(first, Math.ceil(Math.log10(most)) + 1).map((/** @type {number} */ power) => 10 ** power);
  const ticks = first ? powers : [0, ...powers];
  return { type: "symlog", constant: 1, domain: [ticks[0], ticks.at(-1)], ticks, insetTop: 14 }; // below the label
}

/** What a plot of Observable Plot has in common with all others. @param {number} width @param {string} className */
function chartBase(width, className) {
  return { width, className, style: { fontSize: `${CHART_FONT}px`, background: "none", color: "var(--ink)" } };
}

/** A tip beside the mark that is nearest to the pointer. @param {any[]} points @param {Record<string, any>} options @param {any} [pointer] */
function chartTip(points, options, pointer = Plot.pointer) {
  return Plot.tip(points, pointer({ ...options, fontSize: CHART_FONT, lineHeight: 1.3, pathFilter: "none" }));
}

/** A click shows the images of what the pointer is at. @param {any} plot @param {(point: any) => Record<string, any> | null | undefined} filterOf */
function chartClicks(plot, filterOf) {
  plot.addEventListener("click", () => {
    const filter = plot.value && filterOf(plot.value);
    if (filter && typeof showInGallery === "function") showInGallery(filter);
  });
  plot.addEventListener("input", () => {
    plot.style.cursor = plot.value && filterOf(plot.value) ? "pointer" : "";
  });
  return plot;
}

/** Panels beside each other, as many as have room and rows of about as many, and how wide each is. @param {number} count @param {number} width @param {number} least */
function chartPanels(count, width, least) {
  const room = Math.max(1, Math.min(count, 5, Math.floor((width + 16) / (least + 16))));
  const across = Math.ceil(count / Math.ceil(count / room));
  const box = element("div", { class: "panels" });
  box.style.gridTemplateColumns = `repeat(${across}, minmax(0, 1fr))`;
  return { box, wide: Math.floor((width - 16 * (across - 1)) / across) };
}
