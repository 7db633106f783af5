//! Which device was chosen beside which others: at a desk a person uses other ones than on the road.

use parley_shared::view::DeviceKindView;
use serde::{Deserialize, Serialize};

/// More places than one person works at. Beyond it the one that was not seen for longest is forgotten.
const MAX_SETS: usize = 16;
/// More devices of one kind than a machine has; a set of more is not remembered.
const MAX_PRESENT: usize = 32;

/// The choices by what was there when they were made, kept with the preferences.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceMemory {
    /// The latest last.
    sets: Vec<DeviceSet>,
}

/// A set of devices of one kind that were there together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeviceSet {
    kind: DeviceKindView,
    /// Ids in their order.
    present: Vec<String>,
    /// None is the system's default.
    chosen: Option<String>,
    /// What the chosen one is called, for when it is not there.
    name: Option<String>,
}

/// Devices of one kind that are there together, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present(Vec<String>);

impl Present {
    /// `None` when there is none, or more than anybody has.
    pub(super) fn new<'a>(ids: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut ids: Vec<String> = ids.map(str::to_owned).collect();
        ids.sort_unstable();
        (1..=MAX_PRESENT).contains(&ids.len()).then_some(Self(ids))
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|present| present == id)
    }
}

impl DeviceMemory {
    /// What was chosen when exactly these were there; the outer `None` is for a set that was never seen.
    pub(super) fn recall(&self, kind: DeviceKindView, present: &Present) -> Option<Option<&str>> {
        self.find(kind, present).map(|set| set.chosen.as_deref())
    }

    pub(super) fn remember(
        &mut self,
        kind: DeviceKindView,
        present: Present,
        chosen: Option<String>,
        name: Option<String>,
    ) {
        self.sets.retain(|set| set.kind != kind || set.present != present.0);
        let others = self.sets.iter().filter(|set| set.kind == kind).count();
        if others >= MAX_SETS
            && let Some(oldest) = self.sets.iter().position(|set| set.kind == kind)
        {
            self.sets.remove(oldest);
        }
        self.sets.push(DeviceSet { kind, present: present.0, chosen, name });
    }

    /// What a device that was chosen some time was called.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.sets.iter().rev().find(|set| set.chosen.as_deref() == Some(id)).and_then(|set| set.name.as_deref())
    }

    fn find(&self, kind: DeviceKindView, present: &Present) -> Option<&DeviceSet> {
        self.sets.iter().find(|set| set.kind == kind && set.present == present.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIC: DeviceKindView = DeviceKindView::Microphone;

    fn present(ids: &[&str]) -> Present {
        Present::new(ids.iter().copied()).unwrap()
    }

    #[test]
    fn each_set_of_each_kind_has_its_own_choice() {
        let mut memory = DeviceMemory::default();
        memory.remember(MIC, present(&["a", "b"]), Some("b".into()), Some("Bee".into()));
        memory.remember(MIC, present(&["a"]), None, None);
        memory.remember(DeviceKindView::Speaker, present(&["a"]), Some("a".into()), None);
        assert_eq!(memory.recall(MIC, &present(&["b", "a"])), Some(Some("b")));
        assert_eq!(memory.recall(MIC, &present(&["a"])), Some(None));
        assert_eq!(memory.recall(MIC, &present(&["c"])), None);
        assert_eq!(memory.name("b"), Some("Bee"));
        memory.remember(MIC, present(&["a", "b"]), Some("a".into()), None);
        assert_eq!(memory.recall(MIC, &present(&["a", "b"])), Some(Some("a")));
    }

    #[test]
    fn the_oldest_set_is_forgotten_and_others_stay() {
        let mut memory = DeviceMemory::default();
        memory.remember(DeviceKindView::Camera, present(&["cam"]), None, None);
        for n in 0..=MAX_SETS {
            memory.remember(MIC, present(&[&n.to_string()]), None, None);
        }
        assert_eq!(memory.recall(MIC, &present(&["0"])), None);
        assert_eq!(memory.recall(MIC, &present(&["1"])), Some(None));
        assert_eq!(memory.recall(DeviceKindView::Camera, &present(&["cam"])), Some(None));
    }

    #[test]
    fn nothing_and_a_crowd_are_no_sets() {
        assert_eq!(Present::new(std::iter::empty()), None);
        let crowd: Vec<String> = (0..=MAX_PRESENT).map(|n| n.to_string()).collect();
        assert_eq!(Present::new(crowd.iter().map(String::as_str)), None);
    }
}
