/**
 * The original's client-side metrics. The object is there with its members, for pages that touch
 * it; nothing is measured, kept or sent.
 */
import { type EntryLogger, LogManager } from "./log";

/** The members of the original's. */
type CsmService = Omit<connect.CSMService, "logger" | "widgetType"> & {
  logger: EntryLogger;
  widgetType: string | undefined;
};

function nothing(): void {}

export const csmService: CsmService = {
  widgetType: "CustomChatWidget",
  logger: LogManager.getLogger({ prefix: "ChatJS-csmService" }),
  csmInitialized: false,
  metricsToBePublished: [],
  agentMetricToBePublished: [],
  MAX_RETRY: 5,
  updateCsmConfig: configureMetrics,
  _hasCSMFailedToImport: () => true,
  getDefaultDimensions: () => [{ name: "WidgetType", value: csmService.widgetType as string }],
  loadCsmScriptAndExecute: nothing,
  initializeCSM: nothing,
  addMetric: nothing,
  setDimensions: nothing,
  addLatencyMetric: nothing,
  addLatencyMetricWithStartTime: nothing,
  addCountAndErrorMetric: nothing,
  addCountMetric: nothing,
  addAgentCountMetric: nothing,
};

/** The one thing that can be configured (docs/protocol/websocket.md S42). */
export function configureMetrics(config: unknown): void {
  if (typeof config !== "object" || config === null || Array.isArray(config)) return;
  csmService.widgetType = (config as { widgetType?: string }).widgetType;
}
