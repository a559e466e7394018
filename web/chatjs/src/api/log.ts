/** Where messages for developers go (docs/protocol/websocket.md S33 to S41). */
import type { LoggerConfig } from "../../types/index";

/** The levels an application may ask for. */
export const LogLevel = { DEBUG: 10, INFO: 20, WARN: 30, ERROR: 40, ADVANCED_LOG: 50 } as const;

/** A level at which something is written. */
export type Level = (typeof LogLevel)[keyof typeof LogLevel];

/** A destination of messages, which an application may extend. */
export class Logger {
  debug(..._message: unknown[]): unknown {
    return undefined;
  }
  info(..._message: unknown[]): unknown {
    return undefined;
  }
  warn(..._message: unknown[]): unknown {
    return undefined;
  }
  error(..._message: unknown[]): unknown {
    return undefined;
  }
  advancedLog(..._message: unknown[]): unknown {
    return undefined;
  }
}

/** What is asked of a destination. */
export type Destination = Pick<Logger, "debug" | "info" | "warn" | "error">;

/** What stands beside each message. */
export interface LogMetadata {
  contactId?: string;
  participantId?: string;
  sessionType?: string;
  region?: string;
}

/** A logger for one part of an application; each method gives what the destination gave. */
export interface EntryLogger extends Logger {
  options: { prefix?: string; logMetaData?: unknown };
}

const WRITERS = ["warn", "info", "debug", "log"];

let lowest: number = LogLevel.INFO;
let destination: Destination | null = null;
let advancedWriter = "warn";
/** Whether the application ever gave a logger of its own, which settles the form for good (S38). */
let asArray = false;

/** Takes the application's wishes; without any, nothing is logged (S22, S33). */
export function configureLog(given?: LoggerConfig | null): void {
  const config = given || {};
  lowest = config.level || LogLevel.INFO;
  advancedWriter = checkWriter(config) ? (config.advancedLogWriter ?? "warn") : "warn";
  const own = [config.customizedLogger, config.logger].find((logger) => logger && typeof logger === "object");
  if (own) asArray = true;
  destination = own ?? (config.useDefaultLogger ? console : null);
}

/** The original complains about a logger of one's own without a writer as well (S39, S40). */
function checkWriter({ customizedLogger, advancedLogWriter: writer }: LoggerConfig): boolean {
  const known = customizedLogger && Object.keys(customizedLogger);
  const wrong = [known, writer ? WRITERS : undefined].find((names) => names && !names.includes(writer as string));
  if (wrong) console.error(`loggerConfig: advancedLogWriter is ${writer}; it should be one of ${wrong.join()}`);
  return !wrong;
}

/** Writes a message, in the original's form (S37), and gives what the destination gave. A destination that throws disturbs nobody. */
function write(level: Level, prefix: string, metadata: unknown, message: readonly unknown[]): unknown {
  if (destination === null || level < lowest) return undefined;
  try {
    const text = asArray
      ? JSON.stringify(message.map(printable), withoutCircles())
      : [`[${new Date().toISOString()}]${prefix}`, ...message.map(textOf)].join(" ");
    return put(level, text, metadata);
  } catch {
    // There is nowhere to report what a logger does.
    return undefined;
  }
}

function put(level: number, text: string, metadata: unknown): unknown {
  const to = destination as unknown as Record<string, (...message: unknown[]) => unknown>;
  const name = Object.keys(LogLevel)[level / 10 - 1] ?? "";
  const line = `${name} ${text} ${typeof metadata === "string" ? metadata : JSON.stringify(metadata, withoutCircles())}`;
  const writer = name && level < LogLevel.ADVANCED_LOG ? name.toLowerCase() : advancedWriter;
  try {
    return to[writer]?.(line) || line;
  } catch (error) {
    if (!line.includes("%")) throw error;
    // That of Amazon Connect Streams takes what it gets for a pattern (docs/protocol/streams.md).
    return to[writer]?.("%s", line) || line;
  }
}

/** Writes a message of this library's. */
export function log(level: Level, metadata: LogMetadata, ...message: unknown[]): void {
  write(level, " ChatJS:", metadata, message);
}

/** What pages find as `connect.LogManager`. */
export const LogManager = {
  getLogger(options: EntryLogger["options"] = {}): EntryLogger {
    const at =
      (level: Level) =>
      (...message: unknown[]) =>
        write(level, options.prefix ? ` ${options.prefix}:` : "", options.logMetaData ?? "", message);
    return {
      options,
      debug: at(LogLevel.DEBUG),
      info: at(LogLevel.INFO),
      warn: at(LogLevel.WARN),
      error: at(LogLevel.ERROR),
      advancedLog: at(LogLevel.ADVANCED_LOG),
    };
  },
  updateLoggerConfig: configureLog,
  hasClientLogger: () => destination !== null,
  isLevelEnabled: (level: number) => level >= lowest,
  writeToClientLogger(level: number, statement: unknown = "", metadata: unknown = ""): unknown {
    if (destination === null) return undefined;
    return put(
      level,
      typeof statement === "string" ? statement : JSON.stringify(statement, withoutCircles()),
      metadata,
    );
  },
};

/** An error has no members of its own that JSON would show. */
function printable(part: unknown): unknown {
  return part instanceof Error ? (part.stack ?? String(part)) : part;
}

/** Text as the original makes it: nothing of what counts as false, JSON of what has no text of its own. */
function textOf(part: unknown): string {
  const text = String(printable(part) || "");
  return text === "[object Object]" ? JSON.stringify(part, withoutCircles()) : text;
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
