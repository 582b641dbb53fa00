"use strict";
// What LiRA makes of one example at each size: in the attacked models trained with it, and in those trained without it.

/** A table of it; null if nothing is known of the example. @param {number} example */
function tableOfAttack(example) {
  /** @type {[string, string, (side: string, row: number) => string][]} */
  const parts = [
    ["attacked_in", "models", (side, row) => numberOf(valueOf(`attacked_${side}`, example, row))],
    ["log_odds_in", "mean log\u2011odds", (side, row) => toldTo(1, valueOf(`log_odds_${side}`, example, row))],
    ["ratio_in", "mean log likelihood ratio", (side, row) => told(ratioOf(side, example, row))],
    ["flagged_in", "taken for a member (95\u00a0%\u00a0interval)", (side, row) => flagsOf(side, example, row)],
  ];
  const there = parts.filter(([name]) => DESCRIBED.has(name));
  const rows = PAGE.sizes.flatMap((size, row) =>
    ["in", "out"].map((side) => [
      `${size},\u00a0${side === "in" ? "with" : "without"}\u00a0it`,
      ...there.map(([, , cell]) => cell(side, row)),
    ]),
  );
  if (!rows.some(([, ...cells]) => cells.some((cell) => cell !== "–"))) return null;
  const made = table(
    "Attacked by LiRA: models trained with it and without it",
    [PAGE.axis, ...there.map(([, heading]) => heading)],
    rows,
  );
  if (!DESCRIBED.has("flagged_in")) return made;
  const note = `Taken for a member: ${titleOf("flagged_in")}. Of one image no rate below one in as many models as were trained without it can be told.`;
  return element("div", {}, made, element("p", { class: "quiet" }, note));
}

/** @param {number} value */
function numberOf(value) {
  return Number.isNaN(value) ? "–" : counted(value);
}

/** That without it has no column: it is that with it less how far they are apart. @param {string} side @param {number} example @param {number} row */
function ratioOf(side, example, row) {
  const within = valueOf("ratio_in", example, row);
  return side === "in" ? within : within - valueOf("vulnerability", example, row);
}

/** @param {string} side @param {number} example @param {number} row */
function flagsOf(side, example, row) {
  const [found, of] = [valueOf(`flagged_${side}`, example, row), valueOf(`attacked_${side}`, example, row)];
  if (Number.isNaN(found) || Number.isNaN(of)) return "–";
  const ends = of
    ? ` (${jeffreys(found, of)
        .map((share) => told(100 * share))
        .join(" to ")} %)`
    : "";
  return `${counted(found)} of ${counted(of)}${ends}`;
}

/**
 * The 95 % Jeffreys limits of a share that was seen in `found` of `of` cases: quantiles of Beta(found + 1/2,
 * of - found + 1/2), but 0 where it was in none and 1 where it was in all. Of x = sin² θ the density over θ is
 * sin^(2 found) θ cos^(2 (of - found)) θ, which has no poles: a plain sum gives the limits to 1e-5.
 * @param {number} found
 * @param {number} of
 */
function jeffreys(found, of) {
  const steps = 4096;
  const angle = (/** @type {number} */ place) => ((Math.PI / 2) * place) / steps;
  const logs = Float64Array.from(
    { length: steps },
    (_, at) => 2 * (found * Math.log(Math.sin(angle(at + 0.5))) + (of - found) * Math.log(Math.cos(angle(at + 0.5)))),
  );
  const most = logs.reduce((one, other) => Math.max(one, other));
  const weights = logs.map((log) => Math.exp(log - most));
  const all = weights.reduce((sum, weight) => sum + weight);
  const [low = NaN, high = NaN] = [0.025 * all, 0.975 * all].map((left) => {
    let at = 0;
    for (; left > (weights[at] ?? Infinity); at++) left -= weights[at] ?? 0;
    return Math.sin(angle(at + left / (weights[at] ?? 1))) ** 2;
  });
  return [found === 0 ? 0 : low, found === of ? 1 : high];
}
