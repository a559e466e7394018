/**
 * What crosses into the core and out of it: lists of values in a known order, without names.
 *
 * A value is a 64-bit float. Texts stand together behind the values, and the value of a text is its length: in
 * bytes on the way in, where a byte more stands behind it; on the way out -1 minus its length in UTF-16 units. Absent is NaN. On the way out the two
 * infinities are true and false.
 *
 * The two tables have a line for each kind, in the order of their numbers in `crates/wasm`, whose tests read them
 * here: its name and the names of its members. The kinds that only Chatloom behaviour has are in a file that is
 * loaded with it (`src/chatloom/kinds.ts`).
 */
import type { Input, Output } from "./core";

/** `#` marks an integer, `!` true or false, `?` what may be absent, `*` a list of values; all else are texts. */
const INPUTS = `
time
network on!
visibility on!
frame socket# parsed*
opened socket#
closed socket# code#? text
answered request# status# retryAfterMs#? parsed*
failed request# text
token request# token? expiresMs#? text?
progress request# sent#
part source# text parsed*
foreignGained foreign#
foreignLost foreign#
foreignBroken foreign#
foreignHeartbeat foreign# on!
foreignText foreign#
create session# chatloom!? endpoint contactId participantId participantToken initialContactId userAgent agent!? hostToken!? foreign#? typingThrottleMs#? receiptThrottleMs#? persist!? replay!? mostEntries#?
forget session#
resume session# token
track session#
cancel call#
connect session# call#
sendMessage session# call# contentType content? clientToken?
sendEvent session# call# contentType content? clientToken? parsed*
getTranscript session# call# contactId? maxResults#? nextToken? scanDirection? sortOrder? id? absoluteTime? mostRecent#?
disconnectParticipant session# call#
sendAttachment session# call# name size# contentType
downloadAttachment session# call# attachmentId
getAttachmentUrl session# call# attachmentId
describeView session# call# viewToken
getAuthenticationUrl session# call# redirectUri sessionId
cancelParticipantAuthentication session# call# sessionId`;

/**
 * `=` stands between a member and what it always is, which is the kind's name if there is nothing. `{` marks JSON text, `<` a member of what the JSON text is, `:` a list of names and texts with how many
 * there are before it, `*` a list of what has lines here, and `&` something that has a line here, whose members are
 * members of this.
 */
const OUTPUTS = `
http request session operation method url body timeoutMs keepBody headers:
abort request
open socket url
send socket text
close socket code reason
upload request session call url headers:
download request session url
needToken request session
joinForeign foreign
leaveForeign foreign
release item
log level text session
wake at
done session call &
nothing
connected websocketStatus
answered request attempts retryDelayMs
repeated earlier
fired alreadyFired
place url
downloaded downloaded status
loaded count atBeginning
notConnected error= operation
invalid error= member rule
service error= name status message
unreachable error= message
badAnswer error= message
cancelled error=
closed error=
receiptsOff error=
storage error= operation status
outboxFull error= waiting
item session kind &
established session bySocket
lost session
broken session
ended session
deepHeartbeat session success
transcript session previousNextToken steps*
attachmentProgress session call sent total
insert at key & &
replace at key & &
remove at
held item
whole body{ Content< AbsoluteTime<
outgoing id contentType content
sending state=
sent state=
delivered state=
read state=
failed state= &`;

/** What must be given where a mark stands; a text elsewhere. */
const WHAT: Record<string, string> = { "#": "an integer", "!": "true or false" };

/** A member of a kind: its name, its mark, and what follows the mark. */
type Member = readonly [name: string, mark: string, rest: string];

const kindsOf = (table: string) =>
  table
    .trim()
    .split("\n")
    .map((line) => {
      const [type = "", ...members] = line.split(" ");
      const parts = (member: string) => /^(\w*)(\W?)(.*)$/.exec(member)!.slice(1) as unknown as Member;
      return { type, members: members.map(parts) };
    });

const inputs = new Map<string, { kind: number; members: Member[] }>();
const outputs: { type: string; members: Member[] }[] = [];

/** The sum of the tables, also as it was before tables were added: the small core does without those. */
const sums = new Set<number>();
let sum = 0;

/** Whether a core that gives this sum was built with these tables. */
export function isKnown(sum: number): boolean {
  return sums.has(sum);
}

/** Adds tables behind those that are there. */
export function addKinds(more: { INPUTS: string; OUTPUTS: string }): void {
  for (const char of more.INPUTS + more.OUTPUTS) sum = (Math.imul(sum, 31) + char.charCodeAt(0)) | 0;
  sums.add(sum);
  for (const { type, members } of kindsOf(more.INPUTS)) inputs.set(type, { kind: inputs.size, members });
  outputs.push(...kindsOf(more.OUTPUTS));
}
addKinds({ INPUTS, OUTPUTS });

/** The values of an input. Throws when a member is not what it must be: an application may have given anything. */
export function valuesOf(input: Input): Values {
  const { kind, members } = inputs.get(input.type)!;
  const values: Values = [kind];
  for (const [name, mark, rest] of members) {
    const value = (input as unknown as Record<string, unknown>)[name] ?? null;
    if (mark === "*") values.push(...((value as Values | null) ?? []));
    else if (value === null && (mark + rest).endsWith("?")) values.push(NaN);
    else if (mark === "#" && Number.isInteger(value)) values.push(value as number);
    else if (mark === "!" && typeof value === "boolean") values.push(Number(value));
    else if (mark !== "#" && mark !== "!" && typeof value === "string") values.push(value);
    else throw new TypeError(`${name} is not ${WHAT[mark] ?? "a string"}`);
  }
  return values;
}

/** What goes into the core: numbers, and texts in the place of their lengths. */
export type Values = (number | string)[];

/** The outputs in the values between two places, and the text behind them. */
export function outputsOf(values: Float64Array, at: number, end: number, text: string): Output[] {
  let textAt = 0;

  function next(): unknown {
    const value = values[at++]!;
    if (value >= 0) return value < Infinity ? value : true;
    if (value < 0) return value > -Infinity ? text.slice(textAt, (textAt -= value + 1)) : false;
    return undefined;
  }

  function read(into: Record<string, unknown>) {
    const { type, members } = outputs[next() as number]!;
    into["type"] ??= type;
    for (const [name, mark, rest] of members) {
      if (mark === "&") {
        read(into);
        continue;
      }
      const value = mark === "=" ? rest || type : next();
      if (value === undefined) continue;
      if (mark === "<") (into["body"] as Record<string, unknown>)[name] = value;
      else into[name] = mark === "" || mark === "=" ? value : marked(mark, value);
    }
    return into;
  }

  function marked(mark: string, value: unknown): unknown {
    if (mark === "{") return JSON.parse(value as string);
    const list = Array.from({ length: value as number }, () => (mark === "*" ? read({}) : [next(), next()]));
    return mark === "*" ? list : Object.fromEntries(list as [string, unknown][]);
  }

  const all = [];
  while (at < end) all.push(read({}));
  return all as unknown as Output[];
}
