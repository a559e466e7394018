//! What is taken over from files while the server runs.

use std::sync::Arc;

use chatloom_wire::Timestamp;
use tokio::sync::watch;

use crate::{
    config::Config,
    http::App,
    keys::{KeysError, ServerKeys},
    tls::{Look, Tls},
};

/// A certificate that ends so soon is warned of, in milliseconds.
const SOON_MS: i64 = 14 * 24 * 3_600 * 1_000;

/// Looks at the files now and then, and whenever it is asked to.
pub(super) async fn run(
    app: Arc<App>,
    tls: Option<Arc<Tls>>,
    keys: ServerKeys,
    mut reloads: watch::Receiver<Config>,
) {
    if let Some(tls) = &tls {
        warn_of_end(&app, tls.good_until());
    }
    let given = reloads.borrow_and_update().clone();
    let mut keys = Keys { config: Arc::new(app.config.clone()), present: keys, problem: None };
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
        if is_asked {
            let config = reloads.borrow_and_update().clone();
            let mut changed = given.changed(&config);
            changed.retain(|section| *section != "keys");
            if !changed.is_empty() {
                let sections = changed.join(", ");
                tracing::warn!(sections, "what changed in these needs another start");
            }
            let mut present = app.config.clone();
            present.keys = config.keys;
            keys.config = Arc::new(present);
        }
        if let Some(tls) = &tls {
            look_at_certificate(&app, tls, is_asked).await;
        }
        keys.look(&app, is_asked).await;
    }
}

async fn look_at_certificate(app: &App, tls: &Arc<Tls>, is_asked: bool) {
    let tls = Arc::clone(tls);
    // The files may be on a slow disk.
    match tokio::task::spawn_blocking(move || tls.look()).await {
        Ok(Look::Same) if is_asked => tracing::info!("the certificate is the same"),
        Ok(Look::Same) => {}
        Ok(Look::Taken(until)) => {
            app.metrics.certificates_taken.inc();
            tracing::info!("new connections get another certificate");
            warn_of_end(app, until);
        }
        Ok(Look::Kept(error)) => {
            app.metrics.certificates_refused.inc();
            tracing::error!(%error, "the certificate stays the one before");
        }
        Err(error) => tracing::error!(%error, "the certificate was not looked at"),
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

/// The keys that are in force, and where others may appear.
struct Keys {
    config: Arc<Config>,
    present: ServerKeys,
    /// Why they could not be read the last time; said once.
    problem: Option<String>,
}

impl Keys {
    async fn look(&mut self, app: &App, is_asked: bool) {
        let config = Arc::clone(&self.config);
        let loaded = tokio::task::spawn_blocking(move || {
            config.check().map_err(|error| error.to_string())?;
            ServerKeys::load(&config).map_err(|error: KeysError| error.to_string())
        });
        let loaded = match loaded.await {
            Ok(loaded) => loaded,
            Err(error) => Err(error.to_string()),
        };
        let taken = loaded.and_then(|mut keys| {
            keys.made.clone_from(&self.present.made);
            if keys == self.present {
                return Ok(None);
            }
            let tokens = keys.tokens().map_err(|error| error.to_string())?;
            Ok(Some((keys, tokens)))
        });
        match taken {
            Ok(None) => {
                self.problem = None;
                if is_asked {
                    tracing::info!("the keys are the same");
                }
            }
            Ok(Some((keys, tokens))) => {
                self.problem = None;
                let (earlier, access) = (keys.earlier.len(), keys.access.len());
                app.tokens.replace(tokens);
                *app.access.write() = keys.access.as_slice().into();
                self.present = keys;
                app.metrics.keys_taken.inc();
                tracing::info!(earlier, access, "other keys are in force");
            }
            Err(problem) => {
                if is_asked || self.problem.as_ref() != Some(&problem) {
                    app.metrics.keys_refused.inc();
                    tracing::error!(error = problem, "the keys stay the ones before");
                }
                self.problem = Some(problem);
            }
        }
    }
}
