// Prints the results.

const MISSED = "MISSED";

/** @param {ReturnType<import("./sizes.mjs").sizes>} sizes */
export function printSizes(sizes) {
  const bytes = (count) => count.toLocaleString("en");
  print([
    ["bytes", "raw", "gzip -9", "brotli 11", "ratio", "bound", ""],
    ...sizes.map(({ name, raw, gzip, brotli, form, ratio, bound }) => [
      name,
      bytes(raw),
      bytes(gzip),
      bytes(brotli),
      form ? `${ratio.toFixed(2)} ${form}` : "",
      form ? bound.toFixed(2) : "",
      form && ratio > bound ? MISSED : "",
    ]),
  ]);
}

export function printFigures(figures) {
  print([
    ["", "ours", "original", "ratio", "bound", ""],
    ...Object.values(figures).map(({ name, unit, ours, original, compared, bound, isDifference }) => [
      `${name}, ${unit}`,
      number(ours),
      number(original),
      isDifference ? `${compared >= 0 ? "+" : ""}${compared.toFixed(0)}` : compared.toFixed(2),
      isDifference ? `+${bound}` : bound.toFixed(2),
      compared > bound ? MISSED : "",
    ]),
  ]);
}

function number(value) {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
}

/** Columns: the first to the left, the others to the right. */
function print(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(
      row
        .map((cell, at) => (at ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
        .join("  ")
        .trimEnd(),
    );
  }
}
