//! Room for walks that follow relations as deep as they go.
//!
//! Invariant: the walk runs to its end on one thread of its own, and nothing else changes. Its caller bounds the depth.

/// Enough for the deepest recursion that is allowed anywhere here, several thousand frames; pages that are never touched
/// cost nothing.
const STACK: usize = 256 << 20;

/// Runs `walk` on a thread with a deep stack; none if the thread could not be started or was lost.
pub(super) fn with_deep_stack<T: Send>(name: &str, walk: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn_scoped(scope, walk);
        thread.ok()?.join().ok()
    })
}
