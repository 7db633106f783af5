//! Rows of a report, as every bench gives them.

use serde::Serialize;

/// One figure, ours beside another program's.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub unit: &'static str,
    /// `None`: it could not be measured, and `why` says why.
    pub parley: Option<f64>,
    pub peer: Option<f64>,
    /// Ours by theirs.
    pub ratio: Option<f64>,
    pub peer_name: String,
    pub goal: Option<f64>,
    pub better: Better,
    /// The goal is met, or where there is none, the other program is not better. `None`: nothing to compare.
    pub ok: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Lower,
    Higher,
}

impl Row {
    /// A row whose figures are medians of what the runs gave.
    pub fn new(
        name: &'static str,
        unit: &'static str,
        better: Better,
        goal: Option<f64>,
        ours: &[f64],
        theirs: &[f64],
    ) -> Self {
        let (parley, peer) = (median(ours), median(theirs));
        let meets = |bound: f64, value: f64| match better {
            Better::Lower => value <= bound,
            Better::Higher => value >= bound,
        };
        let ok = parley.zip(goal.or(peer)).map(|(value, bound)| meets(bound, value));
        let ratio = parley.zip(peer).map(|(ours, theirs)| ours / theirs).filter(|ratio| ratio.is_finite());
        let why = parley.is_none().then(|| "no run of ours gave this figure".to_owned());
        Self { name, unit, parley, peer, ratio, peer_name: String::new(), goal, better, ok, why }
    }

    /// Names the other program.
    pub fn beside(self, peer_name: &str) -> Self {
        Self { peer_name: peer_name.to_owned(), ..self }
    }

    /// Says what the reader must know about the figures.
    pub fn because(self, why: &str) -> Self {
        Self { why: Some(why.to_owned()), ..self }
    }
}

/// The middle value; of an even number the mean of the two in the middle; nothing of none.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, f64::NAN, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
    }

    #[test]
    fn goal_decides_and_without_one_the_peer() {
        let row = |goal, ours: f64, theirs: &[f64]| Row::new("x", "ms", Better::Lower, goal, &[ours], theirs).ok;
        assert_eq!(row(Some(10.0), 9.0, &[5.0]), Some(true));
        assert_eq!(row(Some(10.0), 11.0, &[50.0]), Some(false));
        assert_eq!(row(None, 11.0, &[50.0]), Some(true));
        assert_eq!(row(None, 11.0, &[]), None);
        assert!(Row::new("x", "ms", Better::Lower, None, &[], &[1.0]).why.is_some());
    }
}
