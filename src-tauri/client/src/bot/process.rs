//! What this process costs. Linux tells it in `/proc`; elsewhere nothing is known.

/// Memory in use, in megabytes.
pub(super) fn rss_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Processor time so far, of all threads, in seconds.
pub(super) fn cpu_s() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in brackets, which may hold anything.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    // Ticks of 10 ms: USER_HZ, which is part of Linux's interface.
    Some((user + system) / 100.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something() {
        assert!(rss_mb().unwrap() > 1.0);
        let before = cpu_s().unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while cpu_s().unwrap() < before + 0.02 {
            assert!(std::time::Instant::now() < until, "processor time does not grow");
        }
    }
}
