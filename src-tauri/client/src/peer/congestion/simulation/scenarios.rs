use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const SEEDS: std::ops::RangeInclusive<u64> = 1..=5;

#[test]
fn a_free_path_is_found_at_once() {
    for seed in SEEDS {
        let mut simulation = Simulation::one(seed, PathProfile::of(20e6));
        simulation.run(10 * SECOND);
        let found = simulation.time_until(Duration::ZERO, |bps| bps >= 3e6);
        assert!(found.is_some_and(|time| time < SECOND), "seed {seed}: {found:?}");
        assert_eq!(simulation.estimate(), 4e6, "seed {seed}");
    }
}

#[test]
fn a_step_down_and_up_is_followed() {
    for seed in SEEDS {
        let mut simulation = Simulation::one(seed, PathProfile::of(2.5e6));
        simulation.run(10 * SECOND);
        simulation.set_profile(PathProfile::of(600e3));
        simulation.run(15 * SECOND);
        simulation.set_profile(PathProfile::of(2.5e6));
        simulation.run(10 * SECOND);
        let (down, up) = (
            simulation.time_until(10 * SECOND, |bps| bps < 600e3),
            simulation.time_until(25 * SECOND, |bps| bps > 2.25e6),
        );
        assert!(down.is_some_and(|time| time <= SECOND), "seed {seed}: down after {down:?}");
        assert!(up.is_some_and(|time| time <= 3 * SECOND), "seed {seed}: up after {up:?}");
        let wait = simulation.wait_p95(10 * SECOND, 18 * SECOND);
        assert!(wait <= 150 * MS, "seed {seed}: packets waited {wait:?} after the step");
        let settled = simulation.wait_p95(12 * SECOND, 25 * SECOND);
        assert!(settled <= 100 * MS, "seed {seed}: packets waited {settled:?} before the narrow link");
        let used = simulation.mean_arrived(0, 13 * SECOND, 25 * SECOND);
        assert!(used > 480e3, "seed {seed}: {used} of the narrow link was used");
    }
}

#[test]
fn two_flows_share_a_link() {
    let mut smallest = Vec::new();
    for seed in SEEDS {
        let flows = vec![Flow::new(seed, Duration::ZERO), Flow::new(seed + 10, 5 * SECOND)];
        let mut simulation = Simulation::new(seed, PathProfile::of(2e6), flows);
        simulation.run(60 * SECOND);
        let [a, b] = [0, 1].map(|flow| simulation.mean_arrived(flow, 10 * SECOND, 60 * SECOND));
        smallest.push(a.min(b) / (a + b));
        let wait = simulation.wait_p95(10 * SECOND, 60 * SECOND);
        assert!(wait < 120 * MS, "seed {seed}: packets waited {wait:?}");
        assert!(a + b > 1.7e6, "seed {seed}: {a} and {b}");
    }
    assert!(smallest.iter().all(|share| *share >= 0.42), "{smallest:?}");
    assert!(smallest.iter().sum::<f64>() / smallest.len() as f64 >= 0.45, "{smallest:?}");
}

#[test]
fn two_flows_that_begin_together_share_a_link() {
    let mut smallest = Vec::new();
    for seed in 1..9 {
        let flows = vec![Flow::new(seed, Duration::ZERO), Flow::new(seed + 10, 100 * MS)];
        let mut simulation = Simulation::new(seed, PathProfile::of(2e6), flows);
        simulation.run(12 * SECOND);
        let [a, b] = [0, 1].map(|flow| simulation.mean_arrived(flow, 6 * SECOND, 12 * SECOND));
        smallest.push(a.min(b) / (a + b));
    }
    assert!(smallest.iter().all(|share| *share >= 0.28), "{smallest:?}");
    assert!(smallest.iter().sum::<f64>() / smallest.len() as f64 >= 0.4, "{smallest:?}");
}

#[test]
fn loss_that_is_the_paths_own_does_not_take_the_rate_away() {
    for loss in [0.02, 0.05, 0.1, 0.2] {
        let mut simulation = Simulation::one(7, PathProfile { loss, ..PathProfile::of(10e6) });
        simulation.run(20 * SECOND);
        let arrived = simulation.mean_arrived(0, 5 * SECOND, 20 * SECOND);
        assert!(arrived > 2.4e6 * (1.0 - loss), "{loss} lost: {arrived} arrived");
    }
}

#[test]
fn a_narrow_path_with_loss_is_still_used() {
    for (loss, capacity, least) in [(0.05, 1e6, 700e3), (0.1, 1e6, 600e3), (0.2, 1e6, 500e3), (0.1, 300e3, 150e3)] {
        let mut simulation = Simulation::one(7, PathProfile { loss, ..PathProfile::of(capacity) });
        simulation.run(30 * SECOND);
        let arrived = simulation.mean_arrived(0, 10 * SECOND, 30 * SECOND);
        assert!(arrived > least, "{loss} lost of {capacity}: {arrived} arrived");
    }
}

#[test]
fn a_policer_without_a_queue_is_noticed() {
    let mut simulation = Simulation::one(7, PathProfile { queue: 20 * MS, ..PathProfile::of(1e6) });
    simulation.run(40 * SECOND);
    let highest = simulation.samples[0].iter().skip(100).map(|sample| sample.estimate_bps).fold(0.0, f64::max);
    assert!(highest < 1.8e6, "{highest}");
}

#[test]
fn jitter_long_round_trips_and_busy_receivers_are_no_congestion() {
    let profiles = [
        PathProfile { jitter: 25 * MS, ..PathProfile::of(2.5e6) },
        PathProfile { delay: 125 * MS, ..PathProfile::of(2.5e6) },
        PathProfile { is_receiver_busy: true, ..PathProfile::of(10e6) },
    ];
    for profile in profiles {
        let mut simulation = Simulation::one(3, profile);
        simulation.run(30 * SECOND);
        let arrived = simulation.mean_arrived(0, 5 * SECOND, 30 * SECOND);
        assert!(arrived > 1.9e6, "{profile:?}: {arrived}");
    }
}

#[test]
fn a_path_for_sound_only_is_left_to_sound() {
    let mut simulation = Simulation::one(3, PathProfile::of(100e3));
    simulation.run(20 * SECOND);
    assert!((60e3..110e3).contains(&simulation.estimate()), "{}", simulation.estimate());
    simulation.set_profile(PathProfile::of(2e6));
    simulation.run(10 * SECOND);
    assert!(simulation.estimate() > 1.5e6, "{}", simulation.estimate());
}

#[test]
fn without_pictures_the_estimate_is_kept() {
    let mut simulation = Simulation::one(3, PathProfile::of(3e6));
    simulation.run(5 * SECOND);
    let before = simulation.estimate();
    simulation.flows[0].pictures_max_bps = 0.0;
    simulation.run(30 * SECOND);
    let after = simulation.estimate();
    assert!((before * 0.7..before * 1.1).contains(&after), "{before} became {after}");
}

#[test]
fn a_blackout_is_waited_out() {
    let mut simulation = Simulation::one(3, PathProfile::of(2.5e6));
    simulation.run(10 * SECOND);
    simulation.set_profile(PathProfile { loss: 1.0, ..PathProfile::of(2.5e6) });
    simulation.run(5 * SECOND);
    assert!(simulation.estimate() < 300e3, "silence backs off: {}", simulation.estimate());
    simulation.set_profile(PathProfile::of(2.5e6));
    simulation.run(5 * SECOND);
    let back = simulation.time_until(15 * SECOND, |bps| bps > 1.2e6);
    assert!(back.is_some_and(|time| time <= SECOND), "{back:?}");
}

#[test]
fn a_route_that_becomes_longer_is_no_queue() {
    let mut simulation = Simulation::one(3, PathProfile { delay: 10 * MS, ..PathProfile::of(2.5e6) });
    simulation.flows[0].pictures_max_bps = 600e3;
    simulation.run(10 * SECOND);
    simulation.set_profile(PathProfile { delay: 60 * MS, ..PathProfile::of(2.5e6) });
    simulation.run(5 * SECOND);
    simulation.flows[0].pictures_max_bps = 2.6e6;
    simulation.run(5 * SECOND);
    let arrived = simulation.mean_arrived(0, 18 * SECOND, 20 * SECOND);
    assert!(arrived > 2e6, "{arrived}");
}

#[test]
fn copies_are_wanted_where_repairs_take_too_long() {
    for (delay, loss, wanted) in [(125, 0.05, true), (125, 0.0, false), (25, 0.05, false)] {
        let mut simulation = Simulation::one(3, PathProfile { delay: delay * MS, loss, ..PathProfile::of(5e6) });
        simulation.run(8 * SECOND);
        assert_eq!(simulation.flows[0].controller.wants_copies(), wanted, "{delay} ms, {loss} lost");
    }
}
