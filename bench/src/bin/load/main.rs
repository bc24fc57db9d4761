//! The load driver of the bench: a closed loop of N connections against one LLM endpoint.
//!
//! Each connection sends its next request when the last answer is complete, so the load
//! adapts to what it measures. A stream is complete only at its terminal event. One
//! thread, a hand-written client (HTTP/1.1 on loopback needs little of a real one), and
//! one JSON object on standard output.
#![expect(clippy::print_stdout, reason = "the result of the program")]

mod connection;
mod events;
mod histogram;
mod options;
mod processes;
mod response;
mod tally;

use std::cell::RefCell;
use std::rc::Rc;

use anyhow::Context;
use clap::Parser;
use serde_json::Value;
use tokio::task::LocalSet;
use tokio::time::{Duration, Instant, sleep};

use crate::options::Options;
use crate::processes::CpuTime;
use crate::tally::{Tally, Window};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let report = runtime.block_on(LocalSet::new().run_until(measure(options)))?;
    println!("{report}");
    Ok(())
}

/// Warms up, opens the window, closes it, and drops what is still under way.
async fn measure(options: Options) -> anyhow::Result<Value> {
    let request = options.request()?;
    let tally = Rc::new(RefCell::new(Tally::new(options.conns)));
    let options = Rc::new(options);
    for index in 0..options.conns {
        tokio::task::spawn_local(connection::drive(
            index,
            request.clone(),
            Rc::clone(&options),
            Rc::clone(&tally),
        ));
    }
    sleep(Duration::from_secs_f64(options.warmup)).await;
    let (cpu_before, opened) = (CpuTime::of(&options.cpu_pids), Instant::now());
    tally.borrow_mut().window = Window::Open;
    sleep(Duration::from_secs_f64(options.duration)).await;
    tally.borrow_mut().window = Window::Closed;
    let (cpu_after, took) = (CpuTime::of(&options.cpu_pids), opened.elapsed());
    let cpu = cpu_before
        .zip(cpu_after)
        .map(|(before, after)| after.since(before));
    Ok(tally.borrow().report(took, cpu))
}
