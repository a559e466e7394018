/**
 * The original's client-side metrics. The object is there with its members, for pages that touch
 * it; nothing is measured, kept or sent.
 */
import { type EntryLogger, LogManager } from "./log";

interface Dimension {
  name: string;
  value: string | undefined;
}

/** The members of the original's (its typings have them all). */
export interface CsmService {
  widgetType: string | undefined;
  logger: EntryLogger;
  csmInitialized: boolean;
  metricsToBePublished: unknown[];
  agentMetricToBePublished: unknown[];
  MAX_RETRY: number;
  loadCsmScriptAndExecute(): void;
  initializeCSM(): void;
  updateCsmConfig(config: unknown): void;
  _hasCSMFailedToImport(): boolean;
  getDefaultDimensions(): Dimension[];
  addMetric(metric: unknown): void;
  setDimensions(metric: unknown, dimensions: readonly Dimension[]): void;
  addLatencyMetric(method: string, ms: number, category: string, dimensions?: readonly Dimension[]): void;
  addLatencyMetricWithStartTime(method: string, ms: number, category: string, dimensions?: readonly Dimension[]): void;
  addCountAndErrorMetric(method: string, category: string, error: boolean, dimensions?: readonly Dimension[]): void;
  addCountMetric(method: string, category: string, dimensions?: readonly Dimension[]): void;
  addAgentCountMetric(name: string, count: number): void;
}

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
  getDefaultDimensions: () => [{ name: "WidgetType", value: csmService.widgetType }],
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
