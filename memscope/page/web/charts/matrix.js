"use strict";
// A number in each cell, written out; deeper where it is larger.

CHART_KINDS.matrix = (data, width) => {
  /** @type {{row: string, column: string, value: number, low: number | null, high: number | null}[]} */
  const cells = data.cells;
  const wide = Math.min(width, 110 + 130 * data.columns.length);
  const each = (wide - 90) / data.columns.length;
  /** @param {{value: number}} cell */
  const shade = ({ value }) => 0.05 + 0.35 * Math.max(0, Math.min(1, Math.abs(value)));
  /** @param {typeof cells[number]} cell */
  const words = (cell) => {
    const ends =
      cell.low === null || cell.high === null || each < 96 ? "" : `\n(${told(cell.low)} to ${told(cell.high)})`;
    return told(cell.value) + ends;
  };
  const drawnPlot = Plot.plot({
    ...chartBase(wide, "chart-matrix"),
    ...{
      height: 60 + 52 * data.names.length,
      marginLeft: 80,
      marginTop: 44,
      marginRight: 10,
      marginBottom: 10,
      padding: 0.04,
    },
    x: {
      domain: data.columns,
      label: data.across,
      axis: "top",
      tickSize: 0,
      labelAnchor: "center",
      labelArrow: "none",
    },
    y: { domain: data.names, label: data.down, tickSize: 0, labelArrow: "none" },
    marks: [
      Plot.cell(cells, { x: "column", y: "row", fill: "var(--first)", fillOpacity: shade }),
      Plot.text(cells, { x: "column", y: "row", text: words, fill: "var(--ink)" }),
      chartTip(cells, {
        ...{ x: "column", y: "row" },
        title: (/** @type {typeof cells[number]} */ cell) =>
          `${data.down} ${cell.row}, ${data.across} ${cell.column}\n${chartBetween("number", cell)}`,
      }),
    ],
  });
  return { drawn: drawnPlot };
};
