//! From routes to handlers.

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    routing::{MethodFilter, on},
};

use super::{Answer, App, Call, Operation, assets, each_route, limits::Plane, serve, unknown};

/// What handlers are: a request in, an answer out.
pub(super) trait Handler: Clone + Send + Sync + 'static {
    fn call(self, app: Arc<App>, call: Call) -> impl Future<Output = Answer> + Send + 'static;
}

impl<H, F> Handler for H
where
    H: Fn(Arc<App>, Call) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    fn call(self, app: Arc<App>, call: Call) -> impl Future<Output = Answer> + Send + 'static {
        self(app, call)
    }
}

/// Who is told of each route.
pub(super) trait EachRoute {
    fn route<H: Handler>(
        &mut self,
        method: (&'static str, MethodFilter),
        path: &'static str,
        operation: Operation,
        handler: H,
    );
}

/// The routes that axum has.
struct Routes<'a> {
    app: &'a Arc<App>,
    router: Router,
}

impl EachRoute for Routes<'_> {
    fn route<H: Handler>(
        &mut self,
        (_, method): (&'static str, MethodFilter),
        path: &'static str,
        operation: Operation,
        handler: H,
    ) {
        let (app, plane) = (Arc::clone(self.app), Plane::of(path));
        let serve = move |request: Request| {
            let handler = handler.clone();
            let handler = |app, call| handler.call(app, call);
            serve(Arc::clone(&app), plane, operation, request, handler)
        };
        self.router = std::mem::take(&mut self.router).route(path, on(method, serve));
    }
}

/// All paths.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut all = Routes { app, router: Router::new() };
    each_route(&mut all);
    if app.config.demo {
        for path in assets::page_paths() {
            all.route(("GET", MethodFilter::GET), path, Operation::Asset, assets::page);
        }
    }
    let unknown = {
        let app = Arc::clone(app);
        move |request: Request| {
            serve(Arc::clone(&app), Plane::Ours, Operation::Unknown, request, unknown)
        }
    };
    all.router.fallback(unknown.clone()).method_not_allowed_fallback(unknown)
}
