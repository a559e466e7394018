// Keeps every value that a script gives to `connect` and `AWS`, and what `AWS` was at marks: before
// the script of the library, after it, and when all scripts have run.

const given = { connect: [], AWS: [] };
const marks = [];

for (const name of Object.keys(given)) {
  let value;
  Object.defineProperty(window, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set(next) {
      value = next;
      given[name].push({ by: document.currentScript?.src.split("/").at(-1) ?? "", value });
    },
  });
}

function mark() {
  const { AWS } = window;
  marks.push({ AWS, members: AWS && Reflect.ownKeys(AWS).map(String).sort().join() });
}

const same = (one, other) => one.AWS === other.AWS && one.members === other.members;

document.addEventListener("readystatechange", () => marks.length < 3 && mark());

/** Whether `connect` was ever another one, who made `AWS`, and whether anything changed it. */
function seen() {
  mark();
  const [before, after, ready, now] = marks;
  return {
    connectReplaced: given.connect.some(({ value }) => value !== given.connect[0].value),
    sdkBy: given.AWS.map(({ by }) => by),
    sdkChanged: !same(before, after) || !same(ready, now),
    version: connect.ChatJS.version,
  };
}
