// Pictures of pages, for people to look at.

import { mkdir } from "node:fs/promises";
import path from "node:path";

const FOLDER = path.join(import.meta.dirname, "..", "..", "..", "target", "e2e");

/** Keeps a picture of the whole page as `target/e2e/<name>.png`. */
export async function picture(page, name) {
  await mkdir(FOLDER, { recursive: true });
  await page.screenshot({ path: path.join(FOLDER, `${name}.png`), fullPage: true });
}
