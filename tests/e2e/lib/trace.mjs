// What a page was told, without what differs from run to run.

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const SOCKET = /^wss?:\/\/\S+$/;
const TOKEN = /^[\w.~+=-]{60,}$/;

/** The value with ids, times, tokens and places in the code replaced by words. */
export function plain(value, key = "") {
  if (key === "stack") return "<stack>";
  if (typeof value === "string") {
    if (SOCKET.test(value)) return "<socket>";
    if (TOKEN.test(value)) return "<token>";
    return value.replaceAll(UUID, "<id>").replaceAll(TIME, "<time>");
  }
  if (Array.isArray(value)) return value.map((member) => plain(member));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.keys(value)
      .filter((key) => value[key] !== undefined)
      .sort()
      .map((key) => [key, plain(value[key], key)]),
  );
}

/**
 * What was told, by its kind: the order among kinds depends on the network. Of heartbeats, which
 * come every ten seconds, one.
 */
export function byKind(entries) {
  const kinds = {};
  for (const { told, data } of entries) {
    if (told === "heartbeat" && kinds[told]) continue;
    (kinds[told] ??= []).push(plain(data));
  }
  return kinds;
}
