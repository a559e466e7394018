// A cable between pages and a server, which can be cut.

import { once } from "node:events";
import net from "node:net";

/** Opens one to the server at `url`; its own address is in `url` of what comes back. */
export async function openWire(stage, url) {
  const target = Number(new URL(url).port);
  const ends = new Set();
  let whole = true;
  const listener = net.createServer((near) => {
    if (!whole) return near.destroy();
    const far = net.connect(target, "127.0.0.1");
    for (const [end, other] of [
      [near, far],
      [far, near],
    ]) {
      ends.add(end);
      end.on("error", () => {}); // the other end learns it by the close
      end.on("close", () => {
        ends.delete(end);
        other.destroy();
      });
      end.pipe(other);
    }
  });
  const destroy = () => ends.forEach((end) => end.destroy());
  stage.afterwards(() => {
    destroy();
    listener.close();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    /** Breaks all connections; none can be made any more. */
    cut() {
      whole = false;
      destroy();
    },
    mend() {
      whole = true;
    },
  };
}
