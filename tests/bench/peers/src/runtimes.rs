//! The three runtimes, seen alike: the text's own executor of four crates, and
//! tokio's two, one that is a single thread and one that has a worker as ours.
use crate::channels;
use once_cell::sync::Lazy;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime;

/// Every task of the benchmark has a number as its output.
pub trait Runtime: 'static {
    type Handle: Future + Send;
    type Sleep: Future<Output = ()> + Send;

    fn spawn<F>(work: F) -> Self::Handle
    where
        F: Future<Output = u64> + Send + 'static;
    /// What a handle's own output says: the number that the task has left.
    fn number(output: <Self::Handle as Future>::Output) -> u64;
    fn block_on<F: Future>(work: F) -> F::Output;
    fn sleep(duration: Duration) -> Self::Sleep;
    fn send_messages(count: u64, senders: u64);
}

// ---- The text's crates: async-task, flume, once_cell, futures-lite ----

pub struct Crates;

/// The text's sleep, which wakes itself again and again.
pub struct AsyncSleep {
    start_time: Instant,
    duration: Duration,
}

impl Future for AsyncSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.start_time.elapsed() >= self.duration {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The queue's sender; whoever asks first starts the worker.
static QUEUE: Lazy<flume::Sender<async_task::Runnable>> = Lazy::new(|| {
    let (sender, receiver) = flume::unbounded::<async_task::Runnable>();
    thread::spawn(move || {
        while let Ok(runnable) = receiver.recv() {
            let _ = std::panic::catch_unwind(|| runnable.run());
        }
    });
    sender
});

impl Runtime for Crates {
    type Handle = async_task::Task<u64>;
    type Sleep = AsyncSleep;

    fn spawn<F>(work: F) -> Self::Handle
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let schedule = |runnable| QUEUE.send(runnable).unwrap();
        let (runnable, task) = async_task::spawn(work, schedule);
        runnable.schedule();
        task
    }

    fn number(output: u64) -> u64 {
        output
    }

    fn block_on<F: Future>(work: F) -> F::Output {
        futures_lite::future::block_on(work)
    }

    fn sleep(duration: Duration) -> AsyncSleep {
        AsyncSleep {
            start_time: Instant::now(),
            duration,
        }
    }

    fn send_messages(count: u64, senders: u64) {
        channels::by_flume(count, senders);
    }
}

// ---- tokio ----

type Joined = Result<u64, tokio::task::JoinError>;

/// For both of tokio's runtimes: they differ in what runs the tasks.
macro_rules! tokio_runtime {
    ($name:ident, $builder:expr) => {
        pub struct $name;

        impl $name {
            fn runtime() -> &'static runtime::Runtime {
                static RUNTIME: Lazy<runtime::Runtime> =
                    Lazy::new(|| $builder.enable_time().build().unwrap());
                &RUNTIME
            }
        }

        impl Runtime for $name {
            type Handle = tokio::task::JoinHandle<u64>;
            type Sleep = tokio::time::Sleep;

            fn spawn<F>(work: F) -> Self::Handle
            where
                F: Future<Output = u64> + Send + 'static,
            {
                tokio::spawn(work)
            }

            fn number(output: Joined) -> u64 {
                output.unwrap()
            }

            fn block_on<F: Future>(work: F) -> F::Output {
                Self::runtime().block_on(work)
            }

            fn sleep(duration: Duration) -> Self::Sleep {
                tokio::time::sleep(duration)
            }

            fn send_messages(count: u64, senders: u64) {
                channels::by_tokio(count, senders);
            }
        }
    };
}

tokio_runtime!(TokioThread, runtime::Builder::new_current_thread());
tokio_runtime!(
    TokioWorker,
    runtime::Builder::new_multi_thread().worker_threads(1)
);
