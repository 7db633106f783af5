//! Searches as somebody types, compared with looking at everybody. `PARLEY_PEOPLE=100000` looks at as many and tells the times:
//! `PARLEY_PEOPLE=100000 cargo test -p parley-relay people_found -- --nocapture`.

use std::time::{Duration, Instant};

use super::super::migrate::migrate;
use super::*;

const SYLLABLES: [&str; 24] = [
    "an", "bel", "cor", "dan", "el", "fi", "gus", "han", "il", "jo", "ka", "lin", "mar", "no", "ol", "per", "qui",
    "ro", "sa", "to", "ul", "vi", "wen", "zo",
];

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// The first syllables are by far the commonest, as with names.
    fn word(&mut self) -> String {
        (0..1 + self.below(3)).map(|_| SYLLABLES[self.below(24).min(self.below(24))]).collect()
    }
}

struct Someone {
    id: UserId,
    tenant: TenantId,
    name_key: String,
    words: Vec<String>,
}

fn fill(c: &Connection, count: usize, chance: &mut Chance) -> Vec<Someone> {
    c.execute("INSERT INTO tenants (id, name) VALUES (2, 'other')", []).unwrap();
    let mut insert = c
        .prepare(
            "INSERT INTO users (id, tenant_id, display_name, name_key, email, email_key, password_hash, role, created_at_ms)
             VALUES (?, ?, ?, ?, '', '', '', 'member', 1)",
        )
        .unwrap();
    let mut people = Vec::new();
    for number in 0..count {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(chance.0 ^ number as u64).to_be_bytes());
        id[8..].copy_from_slice(&(number as u64).to_be_bytes());
        let (id, tenant) = (UserId::from_bytes(id), TenantId(if number % 10 == 9 { 2 } else { 1 }));
        let name = format!("{} {}", chance.word(), chance.word());
        insert.execute(params![id.as_bytes(), tenant.0, name, name.to_lowercase()]).unwrap();
        super::super::profiles::write_words(c, id, &name).unwrap();
        people.push(Someone { id, tenant, name_key: name.to_lowercase(), words: text::words(&name) });
    }
    people
}

fn expected(people: &[Someone], me: &Someone, query: &str, after: Option<UserId>, limit: usize) -> Vec<UserId> {
    let words = text::words(query);
    let place = |someone: &Someone| (someone.name_key.clone(), someone.id);
    let after = after.and_then(|id| people.iter().find(|someone| someone.id == id)).map(place);
    let mut found: Vec<_> = people
        .iter()
        .filter(|someone| someone.tenant == me.tenant && someone.id != me.id)
        .filter(|someone| words.iter().all(|word| someone.words.iter().any(|own| own.starts_with(word.as_str()))))
        .map(place)
        .filter(|place| after.as_ref().is_none_or(|after| place > after))
        .collect();
    found.sort();
    found.into_iter().take(limit).map(|(_, id)| id).collect()
}

fn typed(chance: &mut Chance) -> String {
    let mut query = String::new();
    for _ in 0..1 + chance.below(2) {
        let word = chance.word();
        let end = 1 + chance.below(word.len());
        query = format!("{query} {}", &word[..end]);
    }
    query
}

#[test]
fn people_found_as_one_types_are_those_that_looking_at_everybody_finds() {
    let count = std::env::var("PARLEY_PEOPLE").ok().and_then(|count| count.parse().ok()).unwrap_or(4_000);
    let dir = tempfile::tempdir().unwrap();
    let c = Connection::open(dir.path().join("relay.sqlite")).unwrap();
    migrate(&c).unwrap();
    let mut chance = Chance(7);
    c.execute_batch("BEGIN").unwrap();
    let people = fill(&c, count, &mut chance);
    c.execute_batch("COMMIT").unwrap();
    let (mut times, mut hits) = (Vec::new(), 0);
    for round in 0..400 {
        let me = &people[chance.below(people.len())];
        let query = if round % 50 == 0 { String::new() } else { typed(&mut chance) };
        let started = Instant::now();
        let found: Vec<UserId> =
            search(&c, me.id, &query, None, 50).unwrap().into_iter().map(|found| found.user.id).collect();
        times.push(started.elapsed());
        if round % 10 == 0 || count <= 10_000 {
            assert_eq!(found, expected(&people, me, &query, None, 50), "{query:?}");
            let after = found.get(found.len() / 2).copied();
            let rest: Vec<UserId> =
                search(&c, me.id, &query, after, 20).unwrap().into_iter().map(|found| found.user.id).collect();
            assert_eq!(rest, expected(&people, me, &query, after, 20), "{query:?} after {after:?}");
        }
        hits += found.len();
    }
    assert!(hits > 1_000, "{hits}");
    times.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    eprintln!(
        "{count} people: p50 {:.2} ms, p99 {:.2} ms, longest {:.2} ms",
        millis(times[200]),
        millis(times[395]),
        millis(times[399])
    );
}

#[test]
fn words_are_looked_up_within_the_tenant_only() {
    let c = Connection::open_in_memory().unwrap();
    migrate(&c).unwrap();
    let people = fill(&c, 20, &mut Chance(7));
    let me = standing(&c, people[0].id).unwrap();
    let plan = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (sql, values) = search_sql(&c, people[0].id, me, &words, None, 50).unwrap();
        let mut statement = c.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = statement.query_map(rusqlite::params_from_iter(values), |r| r.get::<_, String>(3)).unwrap();
        steps.collect::<std::result::Result<Vec<_>, _>>().unwrap().join("\n")
    };
    let rare = plan(&["zo", "an"]);
    assert!(rare.contains("user_words USING PRIMARY KEY (tenant_id=? AND word>? AND word<?)"), "{rare}");
    assert!(!rare.contains("SCAN"), "{rare}");
    let all = plan(&[]);
    assert!(all.contains("SEARCH u USING INDEX users_by_name (tenant_id=?)"), "{all}");
    assert!(!all.contains("TEMP B-TREE"), "in the order of the index: {all}");
}
