//! What a run has cost, measured as in bench_runtime.c: by the same clocks, and
//! from the same two moments on.
use std::mem::MaybeUninit;

/// Seconds, of CPU time for all threads together. Of sleepers also the bytes
/// that each has cost, and how late they woke, in milliseconds.
pub struct Figures {
    pub wall: f64,
    pub cpu: f64,
    pub bytes: f64,
    pub late: f64, // the median
    pub worst: f64,
}

fn seconds_of(clock: libc::clockid_t) -> f64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the call writes all of it, or fails.
    let time = unsafe {
        assert_eq!(libc::clock_gettime(clock, time.as_mut_ptr()), 0);
        time.assume_init()
    };
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The most memory that the process ever had in use, in bytes.
pub fn peak_memory() -> f64 {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the call writes all of it, or fails.
    let usage = unsafe {
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()), 0);
        usage.assume_init()
    };
    usage.ru_maxrss as f64 * 1024.0
}

impl Figures {
    pub fn begin() -> Self {
        Figures {
            wall: -seconds_of(libc::CLOCK_MONOTONIC),
            cpu: -seconds_of(libc::CLOCK_PROCESS_CPUTIME_ID),
            bytes: 0.0,
            late: 0.0,
            worst: 0.0,
        }
    }

    pub fn end(&mut self) {
        self.wall += seconds_of(libc::CLOCK_MONOTONIC);
        self.cpu += seconds_of(libc::CLOCK_PROCESS_CPUTIME_ID);
    }

    pub fn print(&self, count: u64) {
        println!(
            "{count} {:.9} {:.9} {:.3} {:.6} {:.6}",
            self.wall, self.cpu, self.bytes, self.late, self.worst
        );
    }
}
