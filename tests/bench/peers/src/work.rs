//! What is measured, for any runtime. Each function does what the one of the
//! same name in bench_tasks.c does.
use crate::figures::{peak_memory, Figures};
use crate::runtimes::Runtime;
use std::future::Future;
use std::mem::size_of;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const BATCH: u64 = 1000; // tasks that are alive together

/// The first spawn starts the worker; that is not measured.
fn start_worker<R: Runtime>() {
    let seven = async { R::number(R::spawn(async { 7 }).await) };
    assert_eq!(R::block_on(seven), 7);
}

// ---- Spawn and join ----

async fn batches<R: Runtime>(count: u64) {
    let mut tasks = Vec::with_capacity(BATCH as usize);
    let mut left = count;
    while left > 0 {
        let size = left.min(BATCH);
        tasks.extend((0..size).map(|i| R::spawn(async move { i })));
        for (i, task) in tasks.drain(..).enumerate() {
            assert_eq!(R::number(task.await), i as u64);
        }
        left -= size;
    }
}

pub fn spawn_and_join<R: Runtime>(count: u64) {
    start_worker::<R>();
    let mut figures = Figures::begin();
    R::block_on(batches::<R>(count));
    figures.end();
    figures.print(count);
}

pub fn spawn_inside<R: Runtime>(count: u64) {
    start_worker::<R>();
    let mut figures = Figures::begin();
    R::block_on(async move {
        let spawner = async move {
            batches::<R>(count).await;
            count
        };
        assert_eq!(R::number(R::spawn(spawner).await), count);
    });
    figures.end();
    figures.print(count);
}

// ---- Wake oneself ----

/// Wakes itself `left` times, then its number is its output.
struct Counter {
    left: u64,
    number: u64,
}

impl Future for Counter {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        if self.left == 0 {
            return Poll::Ready(self.number);
        }
        self.left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn counters<R: Runtime>(left: u64, width: u64) {
    let tasks: Vec<_> = (0..width)
        .map(|number| R::spawn(Counter { left, number }))
        .collect();
    for (i, task) in tasks.into_iter().enumerate() {
        assert_eq!(R::number(task.await), i as u64);
    }
}

pub fn wake_oneself<R: Runtime>(count: u64, width: u64) {
    start_worker::<R>();
    let mut figures = Figures::begin();
    R::block_on(counters::<R>(count / width, width));
    figures.end();
    figures.print(count);
}

// ---- Sleepers ----

/// As sleep_for in bench_runtime.c.
fn sleep_for(number: u64) -> Duration {
    Duration::from_millis(1000 + number * 7919 % 2001)
}

/// Its output is how late it woke, in nanoseconds.
async fn sleeper<R: Runtime>(duration: Duration) -> u64 {
    let deadline = Instant::now() + duration;
    R::sleep(duration).await;
    let late = Instant::now().checked_duration_since(deadline);
    late.expect("to sleep long enough").as_nanos() as u64
}

async fn crowd<R: Runtime>(late: &mut [u64]) {
    let count = late.len() as u64;
    let tasks: Vec<_> = (0..count)
        .map(|i| R::spawn(sleeper::<R>(sleep_for(i))))
        .collect();
    for (i, task) in tasks.into_iter().enumerate() {
        late[i] = R::number(task.await);
    }
}

/// The notes are written once, so that they are in use before the measuring
/// begins: a vector of zeros would not be.
pub fn sleepers<R: Runtime>(count: u64) {
    start_worker::<R>();
    let mut late = vec![u64::MAX; count as usize];
    let memory = peak_memory();
    let mut figures = Figures::begin();
    R::block_on(crowd::<R>(&mut late));
    figures.end();
    let handle = size_of::<R::Handle>() as f64; // the caller's
    figures.bytes = (peak_memory() - memory) / count as f64 - handle;
    late.sort_unstable();
    figures.late = late[late.len() / 2] as f64 / 1e6;
    figures.worst = late[late.len() - 1] as f64 / 1e6;
    figures.print(count);
}
