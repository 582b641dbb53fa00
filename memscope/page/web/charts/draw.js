"use strict";
// Charts are drawn when they come into view, and again when their width changes. Their colours are variables of page.css,
// so that a change of theme needs no script. What a chart shows stands in the table of its figure, too.

/**
 * @typedef {object} ChartSeries
 * @property {string} name
 * @property {string} colour name of a CSS variable
 * @property {string} mark
 * @property {(number | null)[]} values
 * @property {(number | null)[]} [low]
 * @property {(number | null)[]} [high]
 * @property {boolean} [dashed]
 * @property {boolean} [bare] without a line
 * @property {Record<string, string>} [filter] what showInGallery takes
 * @typedef {object} ChartScale
 * @property {string} label
 * @property {string} form "number", "count", "percent" or "points"
 * @property {number | null} low
 * @property {number | null} high
 * @property {[number, string][]} lines
 * @typedef {(data: any, width: number, id: string) => {drawn: Element, series?: ChartSeries[]}} DrawsChart
 */

/** A function for each kind of chart. @type {Record<string, DrawsChart>} */
const CHART_KINDS = {};

/** @param {Element} figure */
function drawChart(figure) {
  const box = figure.querySelector(".chart");
  const text = document.getElementById(figure.getAttribute("data-chart") ?? "")?.textContent;
  if (!box || !text) return;
  const data = JSON.parse(text);
  const chart = CHART_KINDS[data.kind]?.(data, Math.floor(box.clientWidth), figure.id);
  if (!chart) return;
  chart.drawn.setAttribute("aria-hidden", "true"); // the box has a name, and the table what it shows
  box.replaceChildren(chart.drawn);
  figure.querySelector(".legend")?.replaceChildren(...(chart.series ?? []).map(chartLegend));
}

/** Charts in view now, later, and on paper. */
function drawChartsInView() {
  const figures = [...document.querySelectorAll("figure[data-chart]")];
  /** @type {Map<Element, number>} */
  const widths = new Map();
  const resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const width = Math.floor(contentRect.width);
      const figure = target.closest("figure");
      if (!figure || !width || widths.get(target) === width) continue;
      widths.set(target, width);
      drawChart(figure);
    }
  });
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        const box = isIntersecting && target.querySelector(".chart");
        if (!box) continue;
        seen.unobserve(target);
        resized.observe(box);
      }
    },
    { rootMargin: "400px" },
  );
  figures.forEach((figure) => seen.observe(figure));
  addEventListener("beforeprint", () => figures.forEach(drawChart));
}

document.addEventListener("DOMContentLoaded", drawChartsInView); // when every kind is there
