use super::*;

const MS: Duration = Duration::from_millis(1);

/// A pacer whose first burst has left.
fn settled(rate_bps: f64) -> Pacer<u32> {
    Pacer { free_bits: 0.0, ..Pacer::new(rate_bps) }
}

/// Everything that leaves until `end`, with the time it left at.
fn run(pacer: &mut Pacer<u32>, start: Instant, end: Duration) -> Vec<(u64, Priority, u32)> {
    let mut left = Vec::new();
    let mut now = start;
    while now < start + end {
        while let Some(release) = pacer.pop(now, true) {
            match release {
                Release::Packet(priority, packet) => left.push(((now - start).as_millis() as u64, priority, packet)),
                Release::Padding(bytes) => pacer.on_padding(bytes.min(1000), now),
            }
        }
        now += MS;
    }
    left
}

#[test]
fn the_first_picture_leaves_at_once() {
    let (mut pacer, start) = (Pacer::new(1e6), Instant::now());
    (0..20).for_each(|n| pacer.push_picture(n, 1_250, false, start));
    let sent = std::iter::from_fn(|| pacer.pop(start, true)).count();
    assert_eq!(sent, 11, "ten, and one at the rate");
    pacer.push_picture(20, 1_250, false, start);
    assert_eq!(pacer.pop(start, true), None);
}

#[test]
fn pictures_leave_at_the_rate() {
    let (mut pacer, start) = (settled(1e6), Instant::now());
    for n in 0..50 {
        pacer.push_picture(n, 1250, n == 0, start);
    }
    // 10 ms for each packet at 1 Mbit/s.
    let left = run(&mut pacer, start, 200 * MS);
    assert!((19..=22).contains(&left.len()), "{}", left.len());
    assert!(left.is_sorted_by_key(|(_, _, packet)| *packet));
}

#[test]
fn sound_and_repairs_overtake_pictures() {
    let (mut pacer, start) = (settled(1e6), Instant::now());
    for n in 0..20 {
        pacer.push_picture(n, 1250, n == 0, start);
    }
    run(&mut pacer, start, 50 * MS);
    pacer.push_repair(100, 1250, start + 50 * MS);
    pacer.push_sound(200, 100, start + 50 * MS);
    let left = run(&mut pacer, start + 50 * MS, 30 * MS);
    assert_eq!(left[0], (0, Priority::Sound, 200), "sound never waits");
    assert_eq!((left[1].1, left[1].2), (Priority::Repair, 100));
}

#[test]
fn sound_leaves_while_the_window_is_shut() {
    let (mut pacer, start) = (settled(1e6), Instant::now());
    pacer.push_picture(1, 1250, true, start);
    pacer.push_sound(2, 100, start);
    assert_eq!(pacer.pop(start, false), Some(Release::Packet(Priority::Sound, 2)));
    assert_eq!(pacer.pop(start, false), None);
    assert_eq!(pacer.pop(start, true), Some(Release::Packet(Priority::Picture, 1)));
}

#[test]
fn old_pictures_are_dropped_up_to_the_next_key_frame() {
    let (mut pacer, start) = (settled(100e3), Instant::now());
    for n in 0..50 {
        pacer.push_picture(n, 1250, n == 0, start);
    }
    assert!(!pacer.drop_stale(start + 400 * MS));
    assert!(pacer.drop_stale(start + 600 * MS));
    pacer.push_picture(60, 1250, false, start + 600 * MS);
    assert_eq!(pacer.drain_time(), Duration::ZERO, "it depends on what was dropped");
    for n in 70..80 {
        pacer.push_picture(n, 1250, n == 70, start + 600 * MS);
    }
    assert!(!pacer.drop_stale(start + 1300 * MS), "a key frame may take longer");
    let left = run(&mut pacer, start + 600 * MS, 1500 * MS);
    assert_eq!(left.iter().map(|(_, _, packet)| *packet).collect::<Vec<_>>(), (70..80).collect::<Vec<_>>());
}

#[test]
fn a_probe_takes_what_waits_and_fills_up_with_padding() {
    let (mut pacer, start) = (settled(500e3), Instant::now());
    pacer.push_picture(1, 1250, true, start);
    pacer.start_probe(Probe { bps: 4e6, bytes: 10_000 });
    let (mut now, mut padding) = (start, 0);
    let sent = loop {
        while let Some(release) = pacer.pop(now, true) {
            match release {
                Release::Packet(..) => {}
                Release::Padding(_) => {
                    padding += 1000;
                    pacer.on_padding(1000, now);
                }
            }
        }
        if let Some(sent) = pacer.finish_probe() {
            break sent;
        }
        now += MS;
    };
    assert_eq!(padding, 9000);
    let length = sent.last - sent.first;
    assert!((16 * MS..=22 * MS).contains(&length), "10 kB at 4 Mbit/s last 20 ms, not {length:?}");
}

#[test]
fn an_idle_pacer_wants_no_wakeup() {
    let (mut pacer, start) = (settled(1e6), Instant::now());
    assert_eq!(pacer.wakeup(true), None);
    pacer.push_picture(1, 12_500, true, start);
    pacer.push_picture(2, 12_500, false, start);
    pacer.pop(start, true);
    let wakeup = pacer.wakeup(true).unwrap();
    assert!((wakeup - start).as_millis().abs_diff(100) <= 1, "{:?}", wakeup - start);
    assert_eq!(pacer.wakeup(false), None, "time does not open the window");
}

#[test]
fn copies_leave_after_everything_else_or_not_at_all() {
    let (mut pacer, start) = (settled(1e6), Instant::now());
    for n in 0..5 {
        pacer.push_picture(n, 1250, n == 0, start);
        pacer.push_copy(100 + n, 1250, start);
    }
    let left = run(&mut pacer, start, 90 * MS);
    assert!(left[..5].iter().all(|(_, priority, _)| *priority == Priority::Picture));
    assert!(left[5..].iter().all(|(_, priority, _)| *priority == Priority::Copy));
    pacer.push_copy(200, 1250, start + 90 * MS);
    assert!(run(&mut pacer, start + 300 * MS, 50 * MS).is_empty(), "too late to help");
}
