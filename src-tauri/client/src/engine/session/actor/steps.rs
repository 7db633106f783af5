//! Carries out what the negotiation decides.

use super::Actor;
use crate::engine::session::link::Link;
use crate::engine::session::lip_sync::LipSync;
use crate::engine::session::negotiation::Step;
use crate::peer::{Cookie, IceCandidate, Peer, PeerError};
use parley_shared::wire::DescriptionKind;
use std::sync::Arc;
use std::time::Instant;

impl Actor {
    /// Carries a step out; `sdp` is the description that caused it.
    pub(super) async fn take_step(&mut self, step: Step, sdp: Option<String>) {
        let done = match (step, sdp) {
            (Step::Offer { generation }, _) => self.offer(generation).await,
            (Step::Answer { generation }, Some(sdp)) => self.answer(generation, &sdp).await,
            (Step::OfferRestart { generation }, _) => self.offer_restart(generation).await,
            (Step::AnswerRestart { generation }, Some(sdp)) => self.answer_restart(generation, &sdp).await,
            (Step::AcceptAnswer, Some(sdp)) => self.accept_answer(&sdp).await,
            (Step::Drop, _) => {
                self.drop_link();
                self.on_down();
                Ok(())
            }
            (Step::Answer { .. } | Step::AnswerRestart { .. } | Step::AcceptAnswer, None)
            | (Step::AddCandidate | Step::Ignore, _) => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(%error, generation = self.negotiation.generation(), "the connection cannot be negotiated");
            let step = self.negotiation.on_broken(Instant::now());
            Box::pin(self.take_step(step, None)).await;
        }
    }

    async fn offer(&mut self, generation: u32) -> Result<(), PeerError> {
        let sdp = self.open_link(generation, None).await?.offer().await?;
        self.tell_description(DescriptionKind::Offer, sdp, generation);
        Ok(())
    }

    async fn answer(&mut self, generation: u32, offer: &str) -> Result<(), PeerError> {
        let sdp = self.open_link(generation, Cookie::of(offer)).await?.answer(offer).await?;
        self.tell_description(DescriptionKind::Answer, sdp, generation);
        Ok(())
    }

    async fn offer_restart(&mut self, generation: u32) -> Result<(), PeerError> {
        tracing::info!(generation, "the connection is restarted");
        let sdp = self.peer()?.restart_offer().await?;
        self.tell_description(DescriptionKind::Offer, sdp, generation);
        Ok(())
    }

    async fn answer_restart(&mut self, generation: u32, offer: &str) -> Result<(), PeerError> {
        tracing::info!(generation, "the other side restarts the connection");
        let sdp = self.peer()?.answer(offer).await?;
        self.tell_description(DescriptionKind::Answer, sdp, generation);
        Ok(())
    }

    fn peer(&self) -> Result<Arc<dyn Peer>, PeerError> {
        self.link.as_ref().map(Link::peer).ok_or(PeerError::NotConnected)
    }

    async fn accept_answer(&mut self, answer: &str) -> Result<(), PeerError> {
        match &self.link {
            Some(link) => link.peer().accept_answer(answer).await,
            None => Ok(()),
        }
    }

    pub(super) async fn add_candidate(&mut self, candidate: IceCandidate) {
        if let Some(link) = &self.link
            && let Err(error) = link.peer().add_candidate(candidate).await
        {
            tracing::debug!(%error, "a candidate was ignored");
        }
    }

    async fn open_link(&mut self, generation: u32, cookie: Option<Cookie>) -> Result<Arc<dyn Peer>, PeerError> {
        self.drop_link();
        self.on_down();
        self.pictures.restart();
        self.sound.restart();
        self.lip_sync = LipSync::default();
        let sender = self.link_events.0.clone();
        let (pictures, sound) = (self.pictures.clone(), Arc::clone(&self.sound));
        let link = Link::open(generation, &self.config, cookie, sender, pictures, sound).await?;
        Ok(self.link.insert(link).peer())
    }

    pub(super) fn drop_link(&mut self) {
        if let Some(link) = self.link.take() {
            self.closing.spawn(link.close());
        }
    }
}
