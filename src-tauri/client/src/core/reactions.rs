//! Reactions: mine are shown at once, and taken back when the relay refuses them.

use std::collections::BTreeMap;

use parley_shared::ids::{MessageId, RoomId, UserId};
use parley_shared::limits::EMOJI_BYTES;
use parley_shared::view::ReactionView;
use parley_shared::wire::{Message, Reaction, Request};

use super::Core;
use super::failure::invalid;
use super::input::*;
use super::ops::Op;
use super::people::People;

/// Names under one reaction.
const NAMES: usize = 50;

/// My reactions that the relay has not confirmed.
#[derive(Debug, Default)]
pub struct Reacting {
    under_way: BTreeMap<(MessageId, String), (OpId, bool)>,
}

impl Reacting {
    fn begin(&mut self, message_id: MessageId, emoji: &str, op: OpId, on: bool) {
        self.under_way.insert((message_id, emoji.to_owned()), (op, on));
    }

    /// A request has ended; a later one of the same emoji goes on.
    pub(super) fn end(&mut self, message_id: MessageId, emoji: &str, op: OpId) {
        let key = (message_id, emoji.to_owned());
        if self.under_way.get(&key).is_some_and(|(latest, _)| *latest == op) {
            self.under_way.remove(&key);
        }
    }

    pub fn view(&self, message: &Message, me: UserId, people: &People) -> Vec<ReactionView> {
        let mut views: Vec<ReactionView> =
            message.reactions.iter().map(|reaction| reaction_view(reaction, me, people)).collect();
        let first = (message.id, String::new());
        let mine = self.under_way.range(first..).take_while(|((id, _), _)| *id == message.id);
        for ((_, emoji), (_, on)) in mine {
            match views.iter_mut().find(|view| view.emoji == *emoji) {
                Some(view) if view.mine != *on => {
                    view.mine = *on;
                    view.count = if *on { view.count + 1 } else { view.count.saturating_sub(1) };
                }
                None if *on => {
                    views.push(ReactionView { emoji: emoji.clone(), count: 1, mine: true, names: Vec::new() });
                }
                Some(_) | None => {}
            }
        }
        views.retain(|view| view.count > 0);
        views
    }
}

fn reaction_view(reaction: &Reaction, me: UserId, people: &People) -> ReactionView {
    let others = reaction.user_ids.iter().filter(|id| **id != me);
    ReactionView {
        emoji: reaction.emoji.clone(),
        count: reaction.count,
        mine: reaction.user_ids.contains(&me),
        names: others.take(NAMES).map(|id| people.name(*id)).filter(|name| !name.is_empty()).collect(),
    }
}

impl Core {
    pub(super) fn set_reaction(
        &mut self,
        reply: ReplyId,
        room_id: RoomId,
        message_id: MessageId,
        emoji: String,
        on: bool,
    ) {
        if emoji.is_empty() || emoji.len() > EMOJI_BYTES {
            return self.refuse(reply, invalid("emoji", "A reaction is one emoji."));
        }
        if !self.needs_relay(reply) {
            return;
        }
        let op = self.begin(Op::SetReaction { reply, room_id, message_id, emoji: emoji.clone() });
        self.reacting.begin(message_id, &emoji, op, on);
        self.emit(Effect::Request(op, Request::SetReaction { room_id, message_id, emoji, on }));
        self.touch_rooms([room_id]);
    }
}
