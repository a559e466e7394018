/** What an application configures for all sessions that it creates from then on (docs/protocol/websocket.md S20 to S32). */
import type * as published from "../../types/index";
import { setChatloom } from "../chatloom/options";
import type { Means } from "../host/session";
import type { CoreSource } from "../host/wasm";
import { configureMetrics } from "./csm";
import { configureLog } from "./log";
import { type SessionType, SessionTypes } from "./rules";

type ReceiptFeature = NonNullable<published.GlobalConfig["features"]>;

/** The argument of `setGlobalConfig`. */
export interface GlobalConfig extends Omit<published.GlobalConfig, "features"> {
  /** A list of flags, as older applications have it, changes nothing: the one flag is always put back (S25). */
  features?: ReceiptFeature | readonly string[];
  /** These three the original keeps and does not use either. */
  stage?: string;
  cell?: string;
  reconnect?: boolean;
}

const DEFAULT_REGION = "us-west-2";
/** Receipts are gathered for so long. */
const DEFAULT_THROTTLE_MS = 5000;
/** The one flag that has an effect (S26). */
const RECEIPTS = "MESSAGE_RECEIPTS_ENABLED";

let region = DEFAULT_REGION;
let regionOverride = "";
let endpoint = "";
let suffix = "";
let throttleMs = DEFAULT_THROTTLE_MS;
let receipts = true;

/** The application's answer to whether there is a network, in place of the browser's (S32). */
export let isNetworkOnline: (() => unknown) | undefined;

/** Members that are left out keep their value, but for the throttle, the receipts and the logger (S22 to S24). */
export function setGlobalConfig(config: GlobalConfig): void {
  region = config.region || region;
  endpoint = config.endpoint || endpoint;
  suffix = config.customUserAgentSuffix || suffix;
  isNetworkOnline = config.webSocketManagerConfig?.isNetworkOnline ?? isNetworkOnline;
  setChatloom(config.chatloom);
  configureLog(config.loggerConfig);
  if (config.csmConfig) configureMetrics(config.csmConfig);
  const { messageReceipts: wishes } = (config.features || {}) as ReceiptFeature;
  // As a timer takes it: a text that is a number will do.
  throttleMs = Math.ceil(Number(wishes?.throttleTime || config.throttleTime)) || DEFAULT_THROTTLE_MS;
  receipts = wishes?.shouldSendMessageReceipts !== false;
}

/** Switches something on (S26). */
export function setFeatureFlag(name: string): void {
  if (name === RECEIPTS) receipts = true;
}

/** Whether receipts are sent, which counts at the moment of each (S94). */
export function sendsReceipts(): boolean {
  return receipts;
}

/** A region that goes before any other; an empty one is none (S27, S28). */
export function setRegionOverride(value: string | null | undefined): void {
  regionOverride = value || "";
}

/** What a new session is made with: its own from then on (D14). */
export interface Settings {
  region: string;
  endpoint: string;
  userAgent: string;
  receiptThrottleMs: number;
  sessionType: SessionType;
  /** What it has of the application's. */
  means?: Means;
  /** Where its core comes from, when not from where all come from. */
  core?: CoreSource;
}

/** The settings of a session created now, with this region in its options, which stays (S15). */
export function settings(sessionRegion?: string, sessionType: SessionType = SessionTypes.CUSTOMER): Settings {
  region = sessionRegion || region;
  const chosen = regionOverride || region;
  return {
    region: chosen,
    endpoint: (endpoint || `https://participant.connect.${chosen}.amazonaws.com`).replace(/\/+$/, ""),
    userAgent: userAgent(),
    receiptThrottleMs: throttleMs,
    sessionType,
  };
}

/** The original's name stays last, because services look for it (S31). */
function userAgent(): string {
  const name = `AmazonConnect-ChatJS/5.0.0${suffix && ` ${suffix}`}`;
  return `chatloom-chatjs/${VERSION} ${name.replace(/[^\w!$%&'*+\-.^`|~/]/g, "-")}`;
}
