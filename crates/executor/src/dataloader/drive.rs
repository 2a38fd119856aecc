//! Runs an execution, and the reads that it waits for whenever it can go no further.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::Reads;

/// How often an execution that keeps waking itself is polled before the runtime gets a turn.
const TURNS: u32 = 64;

/// Runs `execution` to its end, flushing `reads` whenever it can go no further.
pub(crate) async fn drive<T>(reads: &Reads, execution: impl Future<Output = T>) -> T {
    let mut execution = pin!(execution);
    let mut flushing: Option<BoxFuture<'_, ()>> = None;
    let progress = Arc::new(Progress::default());
    let waker = Waker::from(Arc::clone(&progress));
    std::future::poll_fn(|context| {
        let mut turn = progress.begin_turn(context.waker());
        for _ in 0..TURNS {
            if let Some(flush) = &mut flushing {
                if flush.as_mut().poll(context).is_pending() {
                    // A field that reads for itself may hold the connection that the snapshot waits for.
                    let opening = reads.opening.load(Ordering::Relaxed);
                    if !opening || !(std::mem::take(&mut turn.woken) || progress.made.swap(false, Ordering::SeqCst)) {
                        return Poll::Pending;
                    }
                    if let Poll::Ready(value) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                        return Poll::Ready(value);
                    }
                    continue;
                }
                flushing = None;
            }
            progress.made.store(false, Ordering::SeqCst);
            if let Poll::Ready(value) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(value);
            }
            if progress.made.load(Ordering::SeqCst) {
                continue;
            }
            if !reads.has_waiting() {
                return Poll::Pending;
            }
            flushing = Some(Box::pin(reads.flush()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Notices whether a part of the execution can go on. During a turn that is all it does, because the turn looks; between turns
/// it wakes the task.
#[derive(Default)]
struct Progress {
    made: AtomicBool,
    in_turn: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Progress {
    fn begin_turn(&self, task: &Waker) -> Turn<'_> {
        let mut known = self.task.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
        drop(known);
        let woken = self.made.swap(false, Ordering::SeqCst);
        self.in_turn.store(true, Ordering::SeqCst);
        Turn { progress: self, woken }
    }

    fn wake_task(&self) {
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

/// A poll of the whole, from beginning to end.
struct Turn<'p> {
    progress: &'p Progress,
    /// Whether a part of the execution was woken before it.
    woken: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.progress.in_turn.store(false, Ordering::SeqCst);
        // Whoever was woken after the turn last looked, and saw it still going on, would otherwise wait for ever.
        if self.progress.made.load(Ordering::SeqCst) {
            self.progress.wake_task();
        }
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.made.store(true, Ordering::SeqCst);
        if !self.in_turn.load(Ordering::SeqCst) {
            self.wake_task();
        }
    }
}
