// What two traces do not have in common, as text.

/**
 * The hunks of a difference: a line that both have before it, then `-` lines of the first trace and
 * `+` lines of the second. Empty when the traces are alike.
 */
export function difference(before, after) {
  const lines = [];
  let last = "(the beginning)";
  let inHunk = false;
  for (const [mark, line] of edits(before, after)) {
    if (mark === " ") {
      last = line;
      inHunk = false;
      continue;
    }
    if (!inHunk) lines.push(`@ ${last}`);
    inHunk = true;
    lines.push(`${mark}${line}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

/** A shortest way from one list to the other, the lines that go before those that come. */
function edits(before, after) {
  let start = 0;
  while (start < before.length && before[start] === after[start] && start < after.length) start++;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before.at(-1 - end) === after.at(-1 - end)) end++;
  const old = before.slice(start, before.length - end);
  const young = after.slice(start, after.length - end);
  const common = (lines) => lines.map((line) => [" ", line]);
  return [
    ...common(before.slice(0, start)),
    ...middle(old, young),
    ...common(end === 0 ? [] : before.slice(-end)),
  ];
}

function middle(old, young) {
  // The length of the longest common part of what follows each pair of places.
  const width = young.length + 1;
  const longest = new Uint32Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = young.length - 1; j >= 0; j--) {
      longest[i * width + j] =
        old[i] === young[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const edits = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < young.length) {
    if (i < old.length && j < young.length && old[i] === young[j]) {
      edits.push([" ", old[i++]]);
      j++;
    } else if (
      j === young.length ||
      (i < old.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
    ) {
      edits.push(["-", old[i++]]);
    } else {
      edits.push(["+", young[j++]]);
    }
  }
  return edits;
}
