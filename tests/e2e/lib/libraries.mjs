// The original and what takes its place, as files of a site.

import { readFile } from "node:fs/promises";
import path from "node:path";

const HERE = import.meta.dirname;
const SCRIPT = "text/javascript";

const script = (...file) => ({
  async files() {
    return { "/library.js": { type: SCRIPT, body: await readFile(path.join(HERE, ...file)) } };
  },
  tag: '<script src="/library.js"></script>',
});

/** amazon-connect-chatjs 5.0.0 as it is on npm. */
export const original = {
  name: "amazon-connect-chatjs",
  ...script("..", "node_modules", "amazon-connect-chatjs", "dist", "amazon-connect-chat.js"),
};

const DIST = ["..", "..", "..", "web", "chatjs", "dist"];

/** Ours, as the classic script. */
export const classic = {
  name: "classic script",
  ...script(...DIST, "amazon-connect-chat.js"),
};

/** Ours, by each way to load it. */
export const ours = [classic];
