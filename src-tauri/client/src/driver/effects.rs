//! Carries out what the core wants.

use parley_shared::view::HistoryProtection;
use parley_shared::wire::Session;
use tokio::sync::oneshot;

use super::{Driver, preferences};
use crate::api::{self, Api, Http, Tokens};
use crate::core::{Account, ApiCall, CallFailure, Effect, ExportJob, HistoryKey, Input, LinkEvent, OpId, SecretsJob};
use crate::export;
use crate::files::{FileKey, Files};
use crate::signaling::Signaling;
use crate::store::{Store, StoreError, StoreKey, account_dir};

impl Driver {
    pub(super) async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Reply(reply, answer) => self.answer(reply, answer),
            // Nobody may be drawing.
            Effect::Show(event) => drop(self.events.send(*event)),
            Effect::SavePreferences(preferences) => {
                if let Err(error) = preferences::save(&self.data_dir, &preferences) {
                    tracing::warn!(%error, "the preferences cannot be written");
                }
            }
            Effect::Secrets(job) => self.secrets.give(job),
            Effect::OpenStore { account, key, protection } => self.open_store(account, key, protection).await,
            Effect::CloseStore { wipe } => self.close_store(wipe).await,
            Effect::Store(job) => {
                if let Some(store) = &self.store {
                    store.give(job).await;
                }
            }
            Effect::AskStore(reply, job) => {
                let taken = self.store.as_ref().is_some_and(|store| store.ask(reply, job));
                if !taken {
                    self.give_back(Input::StoreAnswered(reply, None));
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
            Effect::Files(job) => {
                if let Some(files) = &mut self.files {
                    files.give(job, self.api.clone()).await;
                }
            }
            Effect::Export(job) => self.start_export(*job),
            Effect::StopExport(id) => drop(self.export.take_if(|(there, _)| *there == id)),
            Effect::Media(command) => self.media.give(command),
        }
    }

    /// Brings an input about from inside an effect: it comes after what is under way.
    fn give_back(&mut self, input: Input) {
        let to = self.to_inputs.clone();
        self.tasks.spawn(async move { drop(to.send(input).await) });
    }

    async fn open_store(&mut self, account: Account, key: HistoryKey, protection: HistoryProtection) {
        self.close_store(false).await;
        let (data_dir, answers) = (self.data_dir.clone(), self.to_inputs.clone());
        self.account = Some(account.clone());
        let files_key = FileKey::derive(key.bytes());
        let key = StoreKey { key, passing: protection == HistoryProtection::Session };
        let open = move || {
            let opened = Store::open(&data_dir, &account, &key, answers.clone())?;
            let files = Files::open(&account_dir(&data_dir, &account), files_key, answers)?;
            Ok::<_, StoreError>((opened, files))
        };
        let cached = match tokio::task::spawn_blocking(open).await {
            Ok(Ok(((store, cached), files))) => {
                self.store = Some(store);
                self.files = Some(files);
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

    fn start_export(&mut self, job: ExportJob) {
        let (cancel, cancelled) = oneshot::channel();
        self.export = Some((job.id, cancel));
        let history = self.store.as_ref().map(Store::pages);
        self.tasks.spawn(export::run(job, self.api.clone(), history, self.to_inputs.clone(), cancelled));
    }

    async fn close_store(&mut self, wipe: bool) {
        self.account = None;
        close_disk(self.files.take(), self.store.take(), wipe).await;
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

/// Returns when everything is written.
pub(super) async fn close_disk(files: Option<Files>, store: Option<Store>, wipe: bool) {
    let close = move || {
        if let Some(files) = files {
            files.close();
        }
        if let Some(store) = store {
            store.close(wipe);
        }
    };
    // A panic was logged by the parts themselves.
    let _ = tokio::task::spawn_blocking(close).await;
}
