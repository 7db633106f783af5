//! Carries out what the core wants.

use parley_shared::wire::Session;

use super::{Driver, preferences};
use crate::api::{self, Api, Http, Tokens};
use crate::core::{Account, ApiCall, CallFailure, Effect, Input, LinkEvent, OpId, SecretsJob};
use crate::signaling::Signaling;
use crate::store::Store;

impl Driver {
    pub(super) async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(reply, answer) => self.answer(reply, answer),
            // Nobody may be drawing.
            Effect::Show(event) => drop(self.events.send(event)),
            Effect::SavePreferences(preferences) => {
                if let Err(error) = preferences::save(&self.data_dir, &preferences) {
                    tracing::warn!(%error, "the preferences cannot be written");
                }
            }
            Effect::Secrets(job) => self.secrets.give(job),
            Effect::OpenStore(account) => self.open_store(account).await,
            Effect::CloseStore { wipe } => self.close_store(wipe).await,
            Effect::Store(job) => {
                if let Some(store) = &self.store {
                    store.give(job).await;
                }
            }
            Effect::Api(op, call) => self.call_api(op, call),
            Effect::StartLink { relay_url, session } => self.start_link(&relay_url, *session),
            Effect::StopLink => self.stop_link(),
            Effect::Reconnect => {
                if let Some(link) = &self.link {
                    link.reconnect();
                }
            }
            Effect::Idle(idle) => {
                if let Some(link) = &self.link {
                    link.set_idle(idle);
                }
            }
            Effect::Request(op, request) => {
                let taken = self.link.as_ref().is_some_and(|link| link.request(op, request));
                if !taken {
                    self.give_back(Input::Link(LinkEvent::RequestDone(op, Err(CallFailure::Offline))));
                }
            }
            Effect::Media(command) => self.media.give(command),
        }
    }

    /// Brings an input about from inside an effect: it comes after what is under way.
    fn give_back(&mut self, input: Input) {
        let to = self.to_inputs.clone();
        self.tasks.spawn(async move { drop(to.send(input).await) });
    }

    async fn open_store(&mut self, account: Account) {
        self.close_store(false).await;
        let (data_dir, answers) = (self.data_dir.clone(), self.to_inputs.clone());
        self.account = Some(account.clone());
        let opened = tokio::task::spawn_blocking(move || Store::open(&data_dir, &account, answers)).await;
        let cached = match opened {
            Ok(Ok((store, cached))) => {
                self.store = Some(store);
                Some(Box::new(cached))
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the local history cannot be opened");
                None
            }
            Err(error) => {
                tracing::error!(%error, "opening the local history panicked");
                None
            }
        };
        self.give_back(Input::StoreOpened(cached));
    }

    async fn close_store(&mut self, wipe: bool) {
        self.account = None;
        if let Some(store) = self.store.take() {
            // A panic was logged by the store itself.
            let _ = tokio::task::spawn_blocking(move || store.close(wipe)).await;
        }
    }

    fn start_link(&mut self, relay_url: &str, session: Session) {
        let http = match Http::new(relay_url) {
            Ok(http) => http,
            Err(error) => return tracing::error!(%error, "HTTP does not work on this machine"),
        };
        let tokens = Tokens::spawn(http.clone(), session, self.to_renewed.clone());
        self.api = Some(Api::new(http, tokens.clone()));
        self.link = Some(Signaling::spawn(relay_url, tokens, self.to_link_events.clone()));
    }

    fn stop_link(&mut self) {
        self.api = None;
        if let Some(link) = self.link.take() {
            self.tasks.spawn(link.stop());
        }
        // What the old link still says belongs to nobody.
        let (to_link_events, link_events) = tokio::sync::mpsc::channel(256);
        (self.to_link_events, self.link_events) = (to_link_events, link_events);
    }

    fn call_api(&mut self, op: OpId, call: ApiCall) {
        let (api, to) = (self.api.clone(), self.to_inputs.clone());
        self.tasks.spawn(async move {
            let result = match api {
                Some(api) => api.call(call).await,
                None => api::enter(call).await,
            };
            // The driver is gone only when the client ends.
            let _ = to.send(Input::ApiDone(op, result)).await;
        });
    }

    pub(super) fn on_renewed(&mut self, session: Session) {
        if let Some(account) = self.account.clone() {
            self.secrets.give(SecretsJob::Save { account, session: Box::new(session) });
        }
    }
}
