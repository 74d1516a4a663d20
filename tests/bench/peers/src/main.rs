//! The peers that `make bench-runtime` shows beside our runtime: the crates of
//! the Rust text, and tokio. They do the same work as bench_tasks.c.
//!
//!     peers crates|tokio|tokio-worker WORK COUNT WIDTH
//!
//! prints one line of figures, for bench_runtime: see figures.rs.
mod channels;
mod figures;
mod runtimes;
mod work;

use runtimes::{Crates, Runtime, TokioThread, TokioWorker};
use std::env;
use std::process::exit;

fn measure<R: Runtime>(work: &str, count: u64, width: u64) {
    match work {
        "spawn" => work::spawn_and_join::<R>(count),
        "spawn-inside" => work::spawn_inside::<R>(count),
        "wake" => work::wake_oneself::<R>(count, width),
        "channel" => R::send_messages(count, width),
        "sleepers" => work::sleepers::<R>(count),
        _ => refuse("there is no such work"),
    }
}

fn refuse(why: &str) -> ! {
    eprintln!("peers: {why}");
    exit(2);
}

fn number(text: &str) -> u64 {
    text.parse()
        .unwrap_or_else(|_| refuse("a number is expected"))
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.len() != 4 {
        refuse("usage: peers PEER WORK COUNT WIDTH");
    }
    let (work, count, width) = (&args[1], number(&args[2]), number(&args[3]));
    match args[0].as_str() {
        "crates" => measure::<Crates>(work, count, width),
        "tokio" => measure::<TokioThread>(work, count, width),
        "tokio-worker" => measure::<TokioWorker>(work, count, width),
        _ => refuse("there is no such peer"),
    }
}
