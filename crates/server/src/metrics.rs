//! Figures about the server, in the Prometheus text format. All their names are here.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use chatloom_wire::ServiceError;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use crate::{
    chats::Chats,
    files::Files,
    http::{
        Operation,
        limits::{Limit, Limits},
    },
    outbox::Close,
    store::sqlite,
};

/// Upper bounds of the buckets of request durations, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];

/// The figures. Each is counted where it happens.
pub(crate) struct Metrics {
    registry: Registry,
    /// By operation, in the order of [`Operation::ALL`]: no lookup for each request.
    requests: Vec<Histogram>,
    errors: Family<ErrorLabels, Counter>,
    /// Open connections, sockets included.
    pub(crate) connections: Gauge,
    connections_refused: Family<BoundLabels, Counter>,
    /// Connections closed because their clients took in nothing.
    pub(crate) connections_stalled: Counter,
    /// TLS handshakes that failed, those that took too long or were too many included.
    pub(crate) handshakes_failed: Counter,
    /// End of the certificate, in seconds since 1970; 0 without one.
    pub(crate) certificate_end: Gauge,
    /// Certificates that were exchanged while the server ran.
    pub(crate) certificates_taken: Counter,
    /// New certificates that could not be used.
    pub(crate) certificates_refused: Counter,
    /// Times other keys came into force while the server ran.
    pub(crate) keys_taken: Counter,
    /// Times keys were found that could not be used.
    pub(crate) keys_refused: Counter,
    /// Open chat and agent sockets.
    pub(crate) sockets: Gauge,
    sockets_closed: Family<CloseLabels, Counter>,
    throttled: Family<LimitLabels, Counter>,
    chaos: Family<ChaosLabels, Counter>,
    /// Requests held back to keep a rate, and then done.
    pub(crate) delayed: Counter,
    /// Frames given to sockets, subscriptions and heartbeats not counted.
    pub(crate) frames: Counter,
    /// Frames from clients that could not be read.
    pub(crate) unreadable_frames: Counter,
    /// Sockets closed because they read too slowly.
    pub(crate) slow_readers: Counter,
    /// Chats with a socket here.
    pub(crate) rooms: Gauge,
    /// Times entries that the bus had not told of were read from the store.
    pub(crate) holes: Counter,
    /// Entries read that way.
    pub(crate) healed: Counter,
    /// Comparisons of all chats here with the store.
    pub(crate) sweeps: Counter,
    /// Lines of the audit log that could not be written.
    pub(crate) audit_failures: Counter,
    /// Items that webhooks have taken.
    pub(crate) deliveries: Counter,
    /// Times that one did not.
    pub(crate) deliveries_failed: Counter,
    /// Items that none had taken in time.
    pub(crate) deliveries_given_up: Counter,
    /// Turns of bots that came to an end.
    pub(crate) turns: Counter,
    /// Times that one failed.
    pub(crate) turns_failed: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    operation: &'static str,
    error: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BoundLabels {
    bound: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CloseLabels {
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChaosLabels {
    trouble: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabels {
    operation: &'static str,
    limit: &'static str,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("chatloom");
        let by_operation: Family<OperationLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(SECONDS));
        let requests = Operation::ALL
            .iter()
            .map(|operation| {
                by_operation.get_or_create_owned(&OperationLabels { operation: operation.name() })
            })
            .collect();
        registry.register_with_unit(
            "request_duration",
            "How long requests took, by operation, errors included",
            Unit::Seconds,
            by_operation,
        );
        let mut make = Make(&mut registry);
        let errors = Family::default();
        let connections_refused = Family::default();
        make.0.register(
            "connections_refused",
            "Connections closed because there were too many, by bound",
            connections_refused.clone(),
        );
        let sockets_closed = Family::default();
        let throttled = Family::default();
        make.0.register(
            "throttled_requests",
            "Requests refused because a limit had no room for them, by operation and limit",
            throttled.clone(),
        );
        let chaos = Family::default();
        make.0.register("chaos_troubles", "Troubles made on purpose, by kind", chaos.clone());
        make.0.register("request_errors", "Requests answered with an error", errors.clone());
        make.0.register(
            "sockets_closed",
            "Sockets the server closed, by code",
            sockets_closed.clone(),
        );
        Self {
            requests,
            errors,
            sockets_closed,
            throttled,
            chaos,
            delayed: make
                .counter("delayed_requests", "Requests held back to keep a rate, and then done"),
            connections: make.gauge("connections", "Open connections, sockets included"),
            connections_refused,
            connections_stalled: make.counter(
                "connections_stalled",
                "Connections closed because their clients took in nothing",
            ),
            handshakes_failed: make.counter(
                "tls_handshakes_failed",
                "TLS handshakes that failed, took too long or were too many",
            ),
            certificate_end: make.gauge(
                "tls_certificate_end_seconds",
                "End of the certificate, in seconds since 1970; 0 without one",
            ),
            certificates_taken: make
                .counter("tls_certificates_taken", "Certificates exchanged while the server ran"),
            certificates_refused: make
                .counter("tls_certificates_refused", "New certificates that could not be used"),
            keys_taken: make
                .counter("keys_taken", "Times other keys came into force while the server ran"),
            keys_refused: make
                .counter("keys_refused", "Times keys were found that could not be used"),
            sockets: make.gauge("sockets", "Open chat and agent sockets"),
            frames: make.counter("frames", "Chat and queue frames given to sockets"),
            unreadable_frames: make
                .counter("unreadable_frames", "Frames from clients that could not be read"),
            slow_readers: make
                .counter("slow_readers", "Sockets closed because they read too slowly"),
            rooms: make.gauge("rooms", "Chats with a socket on this node"),
            holes: make.counter(
                "hub_holes",
                "Times entries the bus did not tell of were read from the store",
            ),
            healed: make.counter("hub_healed_entries", "Entries read that way"),
            sweeps: make.counter("hub_sweeps", "Comparisons of this node's chats with the store"),
            audit_failures: make
                .counter("audit_failures", "Lines of the audit log that could not be written"),
            deliveries: make.counter("stream_deliveries", "Items that webhooks have taken"),
            deliveries_failed: make
                .counter("stream_deliveries_failed", "Times a webhook did not take an item"),
            deliveries_given_up: make
                .counter("stream_items_given_up", "Items that no webhook took in time"),
            turns: make.counter("bot_turns", "Turns of bots that came to an end"),
            turns_failed: make.counter("bot_turns_failed", "Times a bot's turn failed"),
            registry,
        }
    }

    /// Adds the figures of the store.
    pub(crate) fn add_store(&mut self, stats: impl Fn() -> sqlite::Stats + Send + Sync + 'static) {
        self.collect(move || {
            let stats = stats();
            vec![
                counted("store_transactions", "Transactions committed", stats.transactions),
                counted(
                    "store_writes",
                    "Writes in them; divided by transactions, the average batch",
                    stats.writes,
                ),
                counted("store_entries", "Entries appended", stats.entries),
                counted(
                    "store_failed_transactions",
                    "Transactions rolled back",
                    stats.failed_transactions,
                ),
                counted(
                    "store_checkpoints",
                    "Checkpoints that ran beside the writer",
                    stats.passive_checkpoints,
                ),
                counted(
                    "store_log_restarts",
                    "Times the write-ahead log was made to begin anew",
                    stats.restarts,
                ),
                counted(
                    "store_failed_checkpoints",
                    "Checkpoints that failed or met a reader",
                    stats.failed_checkpoints,
                ),
                measured(
                    "store_largest_batch",
                    "Most writes in one transaction",
                    stats.largest_batch,
                ),
                measured("store_waiting_writes", "Writes that wait", stats.waiting_writes as u64),
                measured("store_waiting_reads", "Reads that wait", stats.waiting_reads as u64),
                measured("store_log_bytes", "Length of the write-ahead log", stats.wal_bytes),
                measured("store_largest_log_bytes", "The longest it was", stats.largest_wal_bytes),
            ]
        });
    }

    /// Adds the figures of the chats.
    pub(crate) fn add_chats(&mut self, chats: Arc<Chats>) {
        self.collect(move || {
            let counts = chats.counts();
            let (cached, bytes) = chats.cached();
            let mut figures = [
                ("chats_started", "Chats started", &counts.started),
                ("chats_transferred", "Chats that an agent handed on", &counts.transferred),
                (
                    "transfers_failed",
                    "Attempts to hand one on that failed",
                    &counts.transfers_failed,
                ),
                ("entries_stored", "Items and receipts stored", &counts.stored),
                ("entries_transient", "Entries published and not stored", &counts.transient),
                ("requests_repeated", "Requests answered like their first", &counts.repeated),
                ("commands_refused", "Commands that the rules refused", &counts.refused),
                ("decisions_repeated", "Decisions made anew after a conflict", &counts.conflicts),
                ("chats_loaded", "States of chats read from the store", &counts.loaded),
            ]
            .map(|(name, help, count)| counted(name, help, count.load(Relaxed)))
            .to_vec();
            figures.extend([
                measured("chats_cached", "States of chats in memory", cached as u64),
                measured("chats_cached_bytes", "Memory they take, about", bytes as u64),
            ]);
            figures
        });
    }

    /// Adds how many callers the limits remember.
    pub(crate) fn add_limits(&mut self, limits: Arc<Limits>) {
        self.collect(move || {
            let remembered = limits.remembered();
            remembered
                .map(|(limit, count)| {
                    let (name, help) = match limit {
                        Limit::Address => ("limit_addresses", "Addresses whose rate is remembered"),
                        Limit::Origin => ("limit_origins", "Origins whose rate is remembered"),
                        Limit::Participant => (
                            "limit_participants",
                            "Participants and agents whose rate is remembered",
                        ),
                        Limit::Contact => ("limit_contacts", "Chats whose rate is remembered"),
                        _ => ("limit_access_keys", "Access keys whose rate is remembered"),
                    };
                    measured(name, help, count as u64)
                })
                .to_vec()
        });
    }

    /// Adds the figures of files.
    pub(crate) fn add_files(&mut self, files: Arc<Files>) {
        self.collect(move || {
            let counts = &files.counts;
            let mut figures = [
                ("files_uploaded", "Files that came in whole", &counts.uploads),
                ("file_bytes_uploaded", "Bytes of them", &counts.upload_bytes),
                ("files_downloaded", "Files that were begun to be sent", &counts.downloads),
                ("file_bytes_downloaded", "Bytes of them that were sent", &counts.download_bytes),
                ("files_not_genuine", "Files that are not what they say", &counts.not_genuine),
                ("file_scans_approved", "Files the scanner approved", &counts.scans_approved),
                ("file_scans_rejected", "Files the scanner rejected", &counts.scans_rejected),
                (
                    "file_scans_failed",
                    "Files rejected because the scanner came to no verdict",
                    &counts.scans_failed,
                ),
                ("files_swept", "Files removed because no chat needed them", &counts.swept),
            ]
            .map(|(name, help, count)| counted(name, help, count.load(Relaxed)))
            .to_vec();
            figures.push(measured(
                "file_transfers",
                "Uploads and downloads under way",
                files.under_way(),
            ));
            figures
        });
    }

    fn collect(&mut self, figures: impl Fn() -> Vec<Figure> + Send + Sync + 'static) {
        self.registry.register_collector(Box::new(Collected(Box::new(figures))));
    }

    /// Counts a request.
    pub(crate) fn request(
        &self,
        operation: Operation,
        took: Duration,
        error: Option<&ServiceError>,
    ) {
        self.requests[operation as usize].observe(took.as_secs_f64());
        if let Some(error) = error {
            // Only names of ours: peers cannot make new series.
            let labels =
                ErrorLabels { operation: operation.name(), error: error.kind.name().to_owned() };
            self.errors.get_or_create(&labels).inc();
        }
    }

    /// Counts a request that a limit had no room for.
    pub(crate) fn throttled(&self, operation: Operation, limit: Limit) {
        let labels = LimitLabels { operation: operation.name(), limit: limit.name() };
        self.throttled.get_or_create(&labels).inc();
    }

    /// Counts a trouble made on purpose.
    pub(crate) fn chaos(&self, trouble: &'static str) {
        self.chaos.get_or_create(&ChaosLabels { trouble }).inc();
    }

    /// Counts a connection that a bound had no room for.
    pub(crate) fn connection_refused(&self, bound: &'static str) {
        self.connections_refused.get_or_create(&BoundLabels { bound }).inc();
    }

    /// Counts a socket that the server closed.
    pub(crate) fn socket_closed(&self, close: Close) {
        self.sockets_closed.get_or_create(&CloseLabels { code: close.code() }).inc();
    }

    /// The figures as text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        encode(&mut text, &self.registry).expect("a String takes everything");
        text
    }
}

/// Makes and registers single figures.
struct Make<'a>(&'a mut Registry);

impl Make<'_> {
    fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.0.register(name, help, counter.clone());
        counter
    }

    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.0.register(name, help, gauge.clone());
        gauge
    }
}

/// A figure that somebody else keeps.
#[derive(Clone)]
struct Figure {
    name: &'static str,
    help: &'static str,
    value: u64,
    grows: bool,
}

fn counted(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, value, grows: true }
}

fn measured(name: &'static str, help: &'static str, value: u64) -> Figure {
    Figure { name, help, value, grows: false }
}

/// Asks for figures when somebody asks for ours.
struct Collected(Box<dyn Fn() -> Vec<Figure> + Send + Sync>);

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collected")
    }
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Figure { name, help, value, grows } in (self.0)() {
            // The registry ends the others with a full stop.
            let help = &format!("{help}.");
            if grows {
                let counter = ConstCounter::new(value);
                let kind = counter.metric_type();
                counter.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
            } else {
                let gauge = ConstGauge::new(value as i64);
                let kind = gauge.metric_type();
                gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_figures() {
        let mut metrics = Metrics::new();
        metrics.add_store(sqlite::Stats::default);
        let text = metrics.to_text();
        let help: Vec<&str> = text.lines().filter(|line| line.starts_with("# HELP")).collect();
        insta::assert_snapshot!(help.join("\n"));
    }
}
