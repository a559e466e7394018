/**
 * A module of wasm in a form that compresses better: a tenth less after brotli.
 *
 * It is a module still, which servers name and compress as one, but all it has is a custom section that means
 * nothing to an engine. In it the code is in as many streams as there are kinds of operands: all opcodes in one, all
 * numbers of locals that are read in another, and so on. What is alike stands together then.
 *
 * Plain JavaScript, because the build uses it too.
 */

/** The name of the section. It begins with the length of each stream, in the order in which they follow. */
const NAME = "packed";

/**
 * Behind the streams of first operands, one for each opcode: what functions declare; the module behind and before the
 * code; second operands, most of them offsets, which are alike whatever is loaded or stored; opcodes.
 */
const LOCALS = 256;
const BEHIND = 257;
const BEFORE = 258;
const OFFSETS = 259;
const OPCODES = 260;
const STREAMS = 261;

/** The number of the section with code. */
const CODE = 10;
/** "\0asm" and the version. */
const HEADER = 8;
const HIGH_BIT = 0x80;

/** How many numbers follow an opcode; of a few it is not always the same, see below. */
const OPERANDS = new Uint8Array(256)
  .fill(1, 0x02, 0x05) // block, loop, if
  .fill(1, 0x0c, 0x0f) // jumps
  .fill(1, 0x10, 0x11) // calls
  .fill(2, 0x11, 0x12) // indirect calls
  .fill(1, 0x20, 0x25) // locals, globals
  .fill(2, 0x28, 0x3f) // loads, stores
  .fill(1, 0x3f, 0x43) // the size of memory, integers
  .fill(1, 0xfc, 0xfd); // what copies and fills memory, and conversions
const IF = 0x04;
const END = 0x0b;
const TABLE = 0x0e;
const CALL = 0x10;
const F64 = 0x44;
const MORE = 0xfc;

/**
 * Goes through the body of a function. `copy` takes the next number of a stream, or the next bytes, from where the
 * body is to where it shall be, and gives the number or the last byte.
 *
 * @param {(stream: number, bytes?: number) => number} copy
 */
function transcribe(copy) {
  for (let groups = copy(LOCALS); groups > 0; groups--) {
    copy(LOCALS);
    copy(LOCALS);
  }
  for (let depth = 1; depth > 0;) {
    const opcode = copy(OPCODES, 1);
    if (opcode === END) depth--;
    else if (opcode <= IF && OPERANDS[opcode]) depth++;
    let last = 0;
    const operands = /** @type {number} */ (OPERANDS[opcode]);
    // Which function is called belongs to what is done around it.
    for (let index = 0; index < operands; index++) last = copy(opcode === CALL ? OPCODES : index ? OFFSETS : opcode);
    // So many targets of jumps, and one more for all else.
    if (opcode === TABLE) for (; last >= 0; last--) copy(opcode);
    if (opcode === F64) copy(opcode, 8);
    // 10 copies memory and has two numbers more, 11 fills it and has one.
    if (opcode === MORE && last >= 10) for (; last < 12; last++) copy(opcode);
  }
}

/** Bytes, and how many of them have been read or written. */
class Bytes {
  at = 0;
  /** @param {Uint8Array<ArrayBuffer>} all */
  constructor(all) {
    this.all = all;
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    this.all.set(bytes, this.at);
    this.at += bytes.length;
  }

  written() {
    return this.all.subarray(0, this.at);
  }
}

/**
 * Moves so many bytes, or else a number, which its last byte ends; gives the last byte or the number.
 *
 * @param {Bytes} from
 * @param {Bytes} to
 */
function move(from, to, bytes = 0) {
  const isNumber = bytes === 0;
  let value = 0;
  let shift = 0;
  let byte;
  do {
    byte = from.all[from.at++];
    if (byte === undefined) throw new Error("the module ends too early");
    to.all[to.at++] = byte;
    value = isNumber ? value | ((byte & ~HIGH_BIT) << shift) : byte;
    shift += 7;
  } while (isNumber ? byte >= HIGH_BIT : --bytes > 0);
  return value;
}

/** So many bytes has a number that is written before it is known. */
const WIDE = 5;

/**
 * Writes such a number.
 *
 * @param {Bytes} to
 * @param {number} at
 * @param {number} value
 */
function put(to, at, value) {
  for (let index = 1; index <= WIDE; index++, value >>>= 7) {
    to.all[at++] = (value & ~HIGH_BIT) | (index < WIDE ? HIGH_BIT : 0);
  }
}

/**
 * A number as short as can be.
 *
 * @param {number} value
 * @returns {number[]}
 */
function short(value) {
  return value < HIGH_BIT ? [value] : [(value & ~HIGH_BIT) | HIGH_BIT, ...short(value >>> 7)];
}

/** What is put here is gone. */
const NOWHERE = new Bytes(new Uint8Array(0));

/**
 * @param {Uint8Array<ArrayBuffer>} wasm
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function pack(wasm) {
  const file = new Bytes(wasm);
  const streams = Array.from({ length: STREAMS }, () => new Bytes(new Uint8Array(wasm.length)));
  const to = (/** @type {number} */ stream) => /** @type {Bytes} */ (streams[stream]);
  const number = () => move(file, NOWHERE);

  let around = to(BEFORE);
  around.append(wasm.subarray(0, (file.at = HEADER)));
  while (file.at < wasm.length) {
    const begin = file.at;
    const id = number();
    const end = number() + file.at;
    if (id === CODE) {
      for (let left = number(); left > 0; left--) {
        const last = number() + file.at;
        transcribe((stream, bytes) => move(file, to(stream), bytes));
        if (file.at !== last) throw new Error("a function has an instruction that is not known here");
      }
      around = to(BEHIND);
    } else {
      around.append(wasm.subarray(begin, end));
    }
    file.at = end;
  }

  const name = new TextEncoder().encode(NAME);
  const section = [name.length, ...name];
  for (const { at } of streams) section.push(...short(at));
  for (const stream of streams) section.push(...stream.written());
  return Uint8Array.from([...wasm.subarray(0, HEADER), 0, ...short(section.length), ...section]);
}

/**
 * The bytes of the module that was packed; `undefined` for one that was not.
 *
 * @param {WebAssembly.Module} module
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
export function unpack(module) {
  const [section] = WebAssembly.Module.customSections(module, NAME);
  if (!section) return undefined;
  const file = new Bytes(new Uint8Array(section));
  const lengths = Array.from({ length: STREAMS }, () => move(file, NOWHERE));
  const streams = lengths.map((length) => new Bytes(file.all.subarray(file.at, (file.at += length))));
  const from = (/** @type {number} */ stream) => /** @type {Bytes} */ (streams[stream]);
  // Even the shortest function has two bytes, and then the number that says so.
  const wasm = new Bytes(new Uint8Array(4 * section.byteLength));
  wasm.append(from(BEFORE).all);
  wasm.all[wasm.at++] = CODE;
  const begin = wasm.at;
  wasm.at += 2 * WIDE;
  const opcodes = from(OPCODES);
  let count = 0;
  for (; opcodes.at < opcodes.all.length; count++) {
    const at = wasm.at;
    wasm.at += WIDE;
    transcribe((stream, bytes) => move(from(stream), wasm, bytes));
    put(wasm, at, wasm.at - at - WIDE);
  }
  put(wasm, begin, wasm.at - begin - WIDE);
  put(wasm, begin + WIDE, count);
  wasm.append(from(BEHIND).all);
  return wasm.written();
}
