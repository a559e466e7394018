/** Where messages for developers go (docs/protocol/websocket.md S33 to S41). */

/** The levels an application may ask for. */
export const LogLevel = { DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, ADVANCED_LOG: 50 } as const;

/** A destination of messages. */
export interface Logger {
  debug(...message: unknown[]): unknown;
  info(...message: unknown[]): unknown;
  warn(...message: unknown[]): unknown;
  error(...message: unknown[]): unknown;
}

/** What an application says about logging. */
export interface LoggerConfig {
  customizedLogger?: Logger;
  logger?: Logger;
  level?: number;
  useDefaultLogger?: boolean;
}

/** What stands beside each message. */
export interface LogMetadata {
  contactId?: string;
  participantId?: string;
  sessionType?: string;
  region?: string;
}

const NAMES = { 10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR" } as const;
const METHODS = { 10: "debug", 20: "info", 30: "warn", 40: "error" } as const;

/** A level at which something is written. */
export type Level = keyof typeof NAMES;

let lowest: number = LogLevel.INFO;
let destination: Logger | null = null;
/** Whether the application ever gave a logger of its own, which settles the form for good (S38). */
let asArray = false;

/** Takes the application's wishes; without any, nothing is logged (S22, S33). */
export function configureLog(config: LoggerConfig = {}): void {
  lowest = config.level || LogLevel.INFO;
  const own = [config.customizedLogger, config.logger].find((logger) => logger && typeof logger === "object");
  if (own) asArray = true;
  destination = own ?? (config.useDefaultLogger ? console : null);
}

/** Writes a message, in the original's form (S37). A logger that throws disturbs nobody. */
export function log(level: Level, metadata: LogMetadata, ...message: unknown[]): void {
  if (destination === null || level < lowest) return;
  try {
    const text = asArray
      ? JSON.stringify(message.map(printable), withoutCircles())
      : `[${new Date().toISOString()}] ChatJS: ${message.map((part) => String(printable(part))).join(" ")}`;
    destination[METHODS[level]](`${NAMES[level]} ${text} ${JSON.stringify(metadata)}`);
  } catch {
    // There is nowhere to report what a logger does.
  }
}

/** An error has no members of its own that JSON would show. */
function printable(part: unknown): unknown {
  return part instanceof Error ? (part.stack ?? String(part)) : part;
}

function withoutCircles(): (key: string, value: unknown) => unknown {
  const seen = new Set<unknown>();
  return (_key, value) => {
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return undefined;
    seen.add(value);
    return value;
  };
}
