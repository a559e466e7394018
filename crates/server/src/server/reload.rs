//! What is taken over from files while the server runs.

use std::sync::Arc;

use chatloom_wire::Timestamp;
use tokio::sync::watch;

use crate::{
    http::App,
    tls::{Look, Tls},
};

/// A certificate that ends so soon is warned of, in milliseconds.
const SOON_MS: i64 = 14 * 24 * 3_600 * 1_000;

/// Looks at the files now and then, and whenever it is asked to.
pub(super) async fn run(app: Arc<App>, tls: Option<Arc<Tls>>, mut reloads: watch::Receiver<()>) {
    if let Some(tls) = &tls {
        warn_of_end(&app, tls.good_until());
    }
    loop {
        // An error means that nobody can ask any more; then time alone does.
        let asked = async {
            if reloads.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let is_asked = tokio::select! {
            () = asked => true,
            () = tokio::time::sleep(app.config.server.watch.get()) => false,
        };
        if let Some(tls) = tls.clone() {
            // The files may be on a slow disk.
            match tokio::task::spawn_blocking(move || tls.look()).await {
                Ok(Look::Same) if is_asked => tracing::info!("the certificate is the same"),
                Ok(Look::Same) => {}
                Ok(Look::Taken(until)) => {
                    app.metrics.certificates_taken.inc();
                    tracing::info!("new connections get another certificate");
                    warn_of_end(&app, until);
                }
                Ok(Look::Kept(error)) => {
                    app.metrics.certificates_refused.inc();
                    tracing::error!(%error, "the certificate stays the one before");
                }
                Err(error) => tracing::error!(%error, "the certificate was not looked at"),
            }
        }
    }
}

fn warn_of_end(app: &App, until: Option<Timestamp>) {
    app.metrics.certificate_end.set(until.map_or(0, |until| until.as_millis() / 1_000));
    if let Some(until) = until
        && until.as_millis().saturating_sub(app.clock.now().as_millis()) < SOON_MS
    {
        tracing::warn!(%until, "the certificate ends soon, or has ended");
    }
}
