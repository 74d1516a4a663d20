//! Numbers sent from several threads to one: `senders` threads send, and the
//! main thread receives.
use crate::figures::Figures;
use std::thread;

/// Has each thread send its share, and adds up what is received.
fn send<S>(
    count: u64,
    senders: u64,
    sender: S,
    mut receive: impl FnMut() -> u64,
) where
    S: Fn(u64) + Clone + Send + 'static,
{
    let share = count / senders;
    let mut figures = Figures::begin();
    let threads: Vec<_> = (0..senders)
        .map(|_| {
            let send_one = sender.clone();
            thread::spawn(move || (0..share).for_each(send_one))
        })
        .collect();
    let sum: u64 = (0..senders * share).map(|_| receive()).sum();
    threads.into_iter().for_each(|t| t.join().unwrap());
    figures.end();
    assert_eq!(sum, senders * (share * (share - 1) / 2));
    figures.print(senders * share);
}

pub fn by_flume(count: u64, senders: u64) {
    let (sender, receiver) = flume::unbounded();
    let send_one = move |number| sender.send(number).unwrap();
    send(count, senders, send_one, || receiver.recv().unwrap());
}

pub fn by_tokio(count: u64, senders: u64) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let send_one = move |number| sender.send(number).unwrap();
    let receive = || receiver.blocking_recv().unwrap();
    send(count, senders, send_one, receive);
}
