//! What a process has cost, for examples that measure.

use std::error::Error;
use std::time::Duration;

/// Processor time of this process so far; the kernel counts in ticks of 10 ms.
pub(crate) fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .ok_or("no fields")?
        .split(' ')
        .collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(Duration::from_millis(10 * ticks))
}
