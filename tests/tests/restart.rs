//! The relay dies in the middle of things and comes back: nothing is lost, nothing comes twice, nobody is signed out.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use e2e::bench::chat::kills;
use e2e::calls::{self, decoded};
use e2e::person::Person;
use e2e::relay::RelayProcess;
use parley_shared::view::{BodyView, CallPhaseView, Command, SessionView, TimelineView};

fn texts(timeline: &TimelineView) -> Vec<String> {
    let text = |body: &BodyView| match body {
        BodyView::Text { text, .. } => Some(text.clone()),
        BodyView::Deleted | BodyView::Call { .. } => None,
    };
    timeline.messages.iter().filter_map(|message| text(&message.body)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversation_survives_two_deaths_of_the_relay() -> Result<()> {
    const EACH: usize = 12;
    let mut relay = RelayProcess::start()?;
    let alice = Person::sign_up(&relay.url, "Alice").await?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    let room_id = alice.open_direct("Bob").await?;
    bob.open_direct("Alice").await?;

    // Both keep writing while the relay is killed twice; some messages are on their way at that moment.
    for round in 0..EACH {
        for person in [&alice, &bob] {
            let text = format!("{} {round}", person.name);
            person.say(room_id, &text).await?;
        }
        if round == EACH / 3 || round == 2 * EACH / 3 {
            relay.kill();
            relay.start_again()?;
        }
        // Under the relay's limit of messages per person, which is not what is tested here.
        tokio::time::sleep(Duration::from_millis(400)).await;
    }

    let wanted: BTreeSet<String> =
        (0..EACH).flat_map(|round| [format!("Alice {round}"), format!("Bob {round}")]).collect();
    for person in [&alice, &bob] {
        person
            .see_within(Duration::from_secs(60), "all messages stored", |view| {
                let timeline = view.timeline.as_ref()?;
                let stored = timeline.messages.iter().all(|message| message.seq.is_some());
                (stored && texts(timeline).len() >= wanted.len()).then_some(())
            })
            .await?;
        assert!(matches!(person.view().session, SessionView::SignedIn { .. }));
    }
    let (hers, his) = (alice.view().timeline.expect("open"), bob.view().timeline.expect("open"));
    assert_eq!(texts(&hers), texts(&his), "both see the same order");
    assert_eq!(texts(&hers).len(), wanted.len(), "nothing came twice: {:?}", texts(&hers));
    assert_eq!(texts(&hers).into_iter().collect::<BTreeSet<_>>(), wanted);
    // What each wrote stands in the order of writing.
    for name in ["Alice", "Bob"] {
        let own: Vec<_> = texts(&hers).into_iter().filter(|text| text.starts_with(name)).collect();
        assert_eq!(own, (0..EACH).map(|round| format!("{name} {round}")).collect::<Vec<_>>());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn call_goes_on_while_the_relay_is_dead_and_after() -> Result<()> {
    let _turn = e2e::turn().await;
    let mut relay = RelayProcess::start()?;
    let alice = Person::sign_up(&relay.url, "Alice").await?;
    let bob = Person::sign_up(&relay.url, "Bob").await?;
    calls::call(&alice, &bob).await?;

    relay.kill();
    for person in [&alice, &bob] {
        person
            .see("that the relay is away", |view| {
                (view.connection != parley_shared::view::ConnectionView::Online).then_some(())
            })
            .await?;
        let before = decoded(person).await;
        calls::decodes_until(person, before + 30).await?;
    }
    relay.start_again()?;
    for person in [&alice, &bob] {
        person.online().await?;
        let before = decoded(person).await;
        calls::decodes_until(person, before + 30).await?;
        let call = person.view().call.expect("the call is still there");
        assert!(matches!(call.phase, CallPhaseView::Active { .. }), "{:?}", call.phase);
        assert!(matches!(person.view().session, SessionView::SignedIn { .. }));
    }

    // The relay knows the call again: hanging up reaches the other.
    alice.command(Command::HangUp).await?;
    bob.see_no_call().await
}

/// `cargo xtask bench chat --only kills` does five hundred rounds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_relay_acknowledged_is_there_once_and_in_order_after_it_was_killed() -> Result<()> {
    let seed = rand::random();
    let kills = kills::kills(5, seed).await?;
    assert!(kills.acknowledged > 0, "seed {seed}: nothing was acknowledged at all");
    assert_eq!((kills.lost, kills.doubled, kills.disordered), (0, 0, 0), "seed {seed}: {kills:?}");
    Ok(())
}
