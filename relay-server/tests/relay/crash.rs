//! The relay's process is killed: nothing acknowledged is lost, nobody is signed out, calls go on.

use std::time::Duration;

use parley_shared::wire::*;

use crate::harness::*;

#[tokio::test]
async fn every_acknowledged_message_is_there_once_and_in_order_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("parley.toml");
    std::fs::write(&config, "[rates]\nmessage_burst = 100000\n").unwrap();
    let data = dir.path().join("data");
    let relay = RelayProcess::start_with_config(&data, "127.0.0.1:0", &config).await;
    let address = relay.address;
    let ada = sign_up(address, "Ada").await;
    let room_id = ada.group("Notes", &[]).await.id;
    let mut socket = ada.connect().await;

    let mut requests = Vec::new();
    for n in 0..400 {
        let request = send(room_id, &format!("message {n}"));
        socket.begin(request.clone()).await;
        requests.push(request);
    }
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 60 {
        match socket.next().await.expect("open") {
            ServerMsg::Reply { reply: Reply::Message { message }, .. } => acknowledged.push(*message),
            ServerMsg::Error { error, .. } => assert_eq!(error.code, ErrorCode::RateLimited),
            _ => {}
        }
    }
    relay.kill().await;
    while let Some(msg) = socket.next().await {
        if let ServerMsg::Reply { reply: Reply::Message { message }, .. } = msg {
            acknowledged.push(*message);
        }
    }

    let relay = RelayProcess::start_with_config(&data, &address.to_string(), &config).await;
    let _: Validated = ada.get("/auth/validate").await;
    let (mut socket, welcome) = ada.connect_resuming(Some(socket.resume())).await;
    assert!(!welcome.resumed, "sessions do not survive a restart");
    for request in requests {
        loop {
            match socket.request(request.clone()).await {
                Ok(_) => break,
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::RateLimited);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    let mut stored: Vec<Message> = Vec::new();
    loop {
        let after = stored.last().map_or(0, |message| message.seq.0);
        let page: HistoryPage = ada.get(&format!("/rooms/{room_id}/messages?after={after}&limit=200")).await;
        stored.extend(page.messages);
        if !page.has_after {
            break;
        }
    }
    for message in &acknowledged {
        assert_eq!(&stored[message.seq.0 as usize - 1], message, "what was acknowledged is in its place");
    }
    let texts: Vec<String> = stored
        .iter()
        .map(|message| match &message.body {
            MessageBody::Text { text, .. } => text.clone(),
            other => panic!("a text, not {other:?}"),
        })
        .collect();
    let expected: Vec<String> = (0..400).map(|n| format!("message {n}")).collect();
    assert_eq!(texts.len(), 400, "each once");
    let mut sorted = texts.clone();
    sorted.sort_by_key(|text| text[8..].parse::<u32>().unwrap());
    assert_eq!(sorted, expected);
    assert!(relay.terminate().await, "SIGTERM ends it well");
}

#[tokio::test]
async fn a_call_goes_on_over_a_restart_without_ringing() {
    let dir = tempfile::tempdir().unwrap();
    let relay = RelayProcess::start(dir.path(), "127.0.0.1:0").await;
    let address = relay.address;
    let (ada, bob) = (sign_up(address, "Ada").await, sign_up(address, "Bob").await);
    let room_id = ada.direct(&bob).await.id;
    let (mut a, mut b) = (ada.connect().await, bob.connect().await);
    let (call, caller) = a.call(start_call(room_id)).await;
    b.call_in(CallPhase::Ringing, 1).await;
    let (_, callee) = b.call(Request::AcceptCall { call_id: call.id, media: MEDIA }).await;
    a.call_in(CallPhase::Active, 2).await;
    // Whatever is answered after this came after the call's own writes.
    a.send_text(room_id, "written").await;
    relay.kill().await;

    let relay = RelayProcess::start(dir.path(), &address.to_string()).await;
    let (mut a, welcome) = ada.connect_resuming(None).await;
    assert!(welcome.calls.is_empty());
    let rejoin = |participant_id| Request::RejoinCall { room_id, call_id: call.id, participant_id, media: MEDIA };
    let (view, same) = a.call(rejoin(caller)).await;
    assert_eq!((view.phase, same, view.participants.len()), (CallPhase::Active, caller, 1));
    let mut b = bob.connect().await;
    let (view, same) = b.call(rejoin(callee)).await;
    assert_eq!((same, view.participants.len()), (callee, 2));
    let signal = Signal::CandidatesDone { generation: 2 };
    b.done(Request::Signal { call_id: call.id, to: caller, signal: signal.clone() }).await;
    let passed = |event: &Event| match event {
        Event::CallSignal { from, signal, .. } => Some((*from, signal.clone())),
        _ => None,
    };
    assert_eq!(a.event(passed).await, (callee, signal));
    a.done(Request::LeaveCall { call_id: call.id }).await;
    assert_eq!(b.call_ended().await, CallEndReason::HungUp);
    let entry = b.stored().await;
    assert!(matches!(entry.body, MessageBody::Call { outcome: CallOutcome::Completed, .. }), "{entry:?}");
    drop(relay);
}
