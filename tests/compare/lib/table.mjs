// The table of docs/differences.md.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("../../../docs/differences.md", import.meta.url);
const CELL = /(?<!\\)\|/;

/** The cells of a row of the table; undefined for any other line. */
function cellsOf(line) {
  const cells = line.split(CELL).map((cell) => cell.trim());
  return /^[DL]\d+$/.test(cells[1] ?? "") ? cells.slice(1, -1) : undefined;
}

/** The rows by their ids: the names of the scenarios that show them. */
export function readTable() {
  const rows = new Map();
  for (const line of readFileSync(FILE, "utf8").split("\n")) {
    const cells = cellsOf(line);
    if (cells === undefined) continue;
    const [id, ...rest] = cells;
    if (rows.has(id)) throw new Error(`docs/differences.md has two rows ${id}`);
    if (rest.length !== 4 || rest.slice(0, 3).includes(""))
      throw new Error(`row ${id} of docs/differences.md lacks a cell`);
    rows.set(
      id,
      [...rest[3].matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
  }
  return rows;
}

/** Writes the names of scenarios into the rows they show. */
export function writeTable(shown) {
  const lines = readFileSync(FILE, "utf8").split("\n");
  const written = lines.map((line) => {
    const cells = cellsOf(line);
    if (cells === undefined) return line;
    const names = (shown.get(cells[0]) ?? []).map((name) => `\`${name}\``).join(", ");
    return `| ${[...cells.slice(0, 4), names].join(" | ")} |`;
  });
  writeFileSync(FILE, written.join("\n"));
}
