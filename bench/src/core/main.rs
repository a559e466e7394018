//! What one item costs in the session core, alone in a process: its instructions and its allocations
//! can be counted only where nothing else runs. `chatloom-bench core` starts this.
//!
//! Prints one JSON object.
#![expect(clippy::print_stdout, reason = "a program that prints its results")]
#![expect(unsafe_code, reason = "allocations are counted where they are made")]

mod host;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use host::Host;
use serde_json::json;

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Items that arrive while so many are held.
    Incoming {
        /// How many are held, in the tracked transcript.
        held: usize,
        /// How many arrive and are measured.
        items: usize,
        /// Without a transcript that is tracked.
        #[arg(long)]
        untracked: bool,
    },
    /// So many items were missed and are read from the transcript.
    Recovery {
        /// How many.
        missed: usize,
    },
}

/// The system's allocator, counted.
struct Counted;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static HELD_BYTES: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        HELD_BYTES.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        HELD_BYTES.fetch_add(new_size as u64, Ordering::Relaxed);
        HELD_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD_BYTES.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static MEMORY: Counted = Counted;

fn main() -> Result<()> {
    let figures = match Args::parse().what {
        What::Incoming { held, items, untracked } => {
            let mut host = Host::connected(!untracked);
            let before = HELD_BYTES.load(Ordering::Relaxed);
            for _ in 0..held {
                host.bring(&host::frame(host.newest() + 1));
            }
            let bytes = HELD_BYTES.load(Ordering::Relaxed) - before;
            // As one allocation, so that what they need is not counted.
            let frames: Vec<String> =
                (1..=items as u64).map(|n| host::frame(host.newest() + n)).collect();
            let (allocations, begin) = (ALLOCATIONS.load(Ordering::Relaxed), cpu_time()?);
            incoming_items(&mut host, &frames);
            let (took, made) =
                (cpu_time()? - begin, ALLOCATIONS.load(Ordering::Relaxed) - allocations);
            ensure!(host.shown() == (held + items) as u64, "{} items were shown", host.shown());
            json!({
                "ns": took as f64 / items as f64,
                "allocations": made as f64 / items as f64,
                "bytes_held": bytes as f64 / held as f64,
            })
        }
        What::Recovery { missed } => {
            let mut host = Host::connected(true);
            host.bring(&host::frame(1));
            host.miss(missed as u64);
            let begin = cpu_time()?;
            host.reconnect();
            let took = cpu_time()? - begin - host.serving();
            ensure!(host.shown() == 1 + missed as u64, "{} items were shown", host.shown());
            json!({ "ns": took as f64 / missed as f64 })
        }
    };
    println!("{figures}");
    Ok(())
}

/// Nanoseconds that this process has had a processor; others on the machine do not count.
pub(crate) fn cpu_time() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat")?;
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).context("unexpected /proc/self/schedstat")
}

/// What is measured. Callgrind counts inside this function alone, so its name is not to change.
#[inline(never)]
fn incoming_items(host: &mut Host, frames: &[String]) {
    for frame in frames {
        host.bring(black_box(frame));
    }
}
