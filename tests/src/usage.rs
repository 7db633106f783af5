//! Memory and processor time of processes, from `/proc`.

use std::collections::BTreeMap;
use std::fs;

/// User and system time of a process and all that it started and that still runs, in seconds.
pub fn tree_cpu_s(root: u32) -> f64 {
    tree(root).into_iter().filter_map(cpu_s).sum()
}

/// Resident memory of a process, in MB; shared pages count in full.
pub fn rss_mb(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    field_kb(&status, "VmRSS:").map(|kb| kb / 1024.0)
}

/// Memory of a process and all that it started, in MB; a page that several share counts once.
pub fn tree_pss_mb(root: u32) -> f64 {
    let of = |id: u32| field_kb(&fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?, "Pss:");
    tree(root).into_iter().filter_map(of).sum::<f64>() / 1024.0
}

fn ids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn tree(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for id in ids() {
        if let Some(parent) = parent(id) {
            children.entry(parent).or_default().push(id);
        }
    }
    let mut all = vec![root];
    let mut next = 0;
    while let Some(id) = all.get(next) {
        all.extend(children.get(id).into_iter().flatten().copied().collect::<Vec<_>>());
        next += 1;
    }
    all
}

fn parent(id: u32) -> Option<u32> {
    fields(id)?.get(1)?.parse().ok()
}

fn cpu_s(id: u32) -> Option<f64> {
    let fields = fields(id)?;
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    // Ticks are hundredths of a second on every Linux.
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The fields of `/proc/ID/stat` behind the name, which may hold anything.
fn fields(id: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn field_kb(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let me = std::process::id();
        let before = tree_cpu_s(me);
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_millis(200) {
            std::hint::black_box(begin);
        }
        assert!(tree_cpu_s(me) > before + 0.05);
        assert!(rss_mb(me).unwrap() > 1.0 && tree_pss_mb(me) > 1.0);
    }

    #[test]
    fn children_belong_to_the_tree() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(tree(std::process::id()).contains(&child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
