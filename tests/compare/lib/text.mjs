// How a trace writes values, so that two of them can be compared as text.

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** A mistake of the program that calls, in the engine's words: those name the library's own variables. */
const isMistake = ({ name, message }) => name === "TypeError" && !/fetch/.test(message);

export class Writer {
  #tokens = new Map();
  /** Objects that are known by a name. */
  #names = new WeakMap();

  name(object, name) {
    this.#names.set(object, name);
  }

  /** Random tokens by the order in which they turn up. */
  mapped(text) {
    return text.replace(UUID, (token) => {
      if (!this.#tokens.has(token)) this.#tokens.set(token, `<random ${this.#tokens.size + 1}>`);
      return this.#tokens.get(token);
    });
  }

  /** Any value, with the members of objects in the order of the alphabet. */
  value(value) {
    return this.mapped(this.#write(value, []));
  }

  #write(value, above) {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "function") return "<function>";
    if (typeof value !== "object" || value === null) return String(value);
    if (this.#names.has(value)) return `<${this.#names.get(value)}>`;
    if (above.includes(value)) return "<circle>";
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    const inside = [...above, value];
    const members = Object.keys(value)
      .filter((name) => !(Array.isArray(value) && /^\d+$/.test(name)))
      // One that is undefined is as good as none.
      .filter((name) => value[name] !== undefined)
      .sort()
      .map((name) => `${name}: ${this.#member(name, value, inside)}`);
    if (Array.isArray(value)) {
      const entries = Array.from(value, (entry) => this.#write(entry, inside));
      return `[${[...entries, ...members].join(", ")}]`;
    }
    if (tag === "Error") {
      const text = isMistake(value)
        ? `${value.name}(...)`
        : `${value.name}(${JSON.stringify(value.message)})`;
      return members.length === 0 ? text : `${text} {${members.join(", ")}}`;
    }
    if (tag === "Blob" || tag === "File") {
      const also = members.length === 0 ? "" : ` {${members.join(", ")}}`;
      return `${tag}(${value.size} bytes of ${JSON.stringify(value.type)})${also}`;
    }
    const kind = tag === "Object" ? "" : `${tag} `;
    return members.length === 0 ? `${kind}{}` : `${kind}{ ${members.join(", ")} }`;
  }

  #member(name, object, inside) {
    const value = object[name];
    // The lines below the first of a stack are places in a script.
    if (name === "stack" && Array.isArray(value)) return `[${JSON.stringify(value[0])}, ...]`;
    // Its parts are random.
    if (name === "totalRetryDelay") return value > 0 ? "<some>" : String(value);
    return this.#write(value, inside);
  }
}
