//! Histories and accounts as files: streamed from the relay or from this device to the disk, whole or not at all.
//!
//! ```text
//! source (relay | device) --pages--> document (JSON | HTML) --bytes--> file beside the target --whole--> target
//!                                                                         `--failed, cancelled--> (gone)
//! ```

mod escape;
mod file;
mod html;
mod json;
mod markdown;
mod name;
mod names;
mod room;
mod source;
#[cfg(test)]
mod wire_tests;
mod words;

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

pub use name::suggested_name;

use crate::api::Api;
use crate::core::{CallFailure, ExportEvent, ExportFailure, ExportId, ExportJob, ExportWhat, Input};
use crate::store::Pages;
use file::Out;

/// Between two reports of how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(200);
/// A relay that says nothing for so long in the middle of a file is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// The files of one person, their messages, and room for more of both.
const DATA_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// Carries a job out, and tells how far it is and how it ended. When `cancelled` comes, or its sender is gone, what was written is
/// removed.
pub(crate) async fn run(
    job: ExportJob,
    api: Option<Api>,
    history: Option<Pages>,
    inputs: mpsc::Sender<Input>,
    cancelled: oneshot::Receiver<()>,
) {
    let ExportJob { id, path, what } = job;
    let mut progress = Progress { id, inputs: inputs.clone(), told_at: None };
    let mut out = Out::create(path);
    let work = async {
        match what {
            ExportWhat::Room(room) => room::write(*room, api, history, &mut out, &mut progress).await,
            ExportWhat::Mine => write_data(api, &mut out, &mut progress).await,
        }
    };
    let worked = tokio::select! {
        biased;
        _ = cancelled => Err(ExportFailure::Cancelled),
        worked = work => worked,
    };
    let ended = match worked {
        Ok(()) => out.finish().await,
        Err(failure) => {
            out.abandon().await;
            Err(failure)
        }
    };
    // The driver is gone only when the client ends.
    let _ = inputs.send(Input::Export(id, ExportEvent::Ended(ended))).await;
}

async fn write_data(api: Option<Api>, out: &mut Out, progress: &mut Progress) -> Result<(), ExportFailure> {
    let offline = || ExportFailure::Relay(CallFailure::Offline);
    let api = api.ok_or_else(offline)?;
    let mut response = api.my_data().await.map_err(ExportFailure::Relay)?;
    let total = response.content_length();
    let mut done = 0;
    loop {
        // A body that is shorter than it was announced is an error here, too.
        let chunk = tokio::time::timeout(SILENCE, response.chunk()).await.map_err(|_| offline())?;
        let Some(chunk) = chunk.map_err(|_| offline())? else { return Ok(()) };
        done += chunk.len() as u64;
        if done > DATA_BYTES {
            return Err(ExportFailure::Relay(CallFailure::Garbled));
        }
        out.write(&chunk).await?;
        progress.tell(done, total);
    }
}

/// Tells how far an export is, now and then.
#[derive(Debug)]
struct Progress {
    id: ExportId,
    inputs: mpsc::Sender<Input>,
    told_at: Option<Instant>,
}

impl Progress {
    fn tell(&mut self, done: u64, total: Option<u64>) {
        if self.told_at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return;
        }
        self.told_at = Some(Instant::now());
        // A client that has no time for it shows the next one.
        let _ = self.inputs.try_send(Input::Export(self.id, ExportEvent::Progress { done, total }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn how_far_it_is_is_told_five_times_a_second_at_most() {
        let (inputs, mut told) = mpsc::channel(1_000);
        let mut progress = Progress { id: ExportId(1), inputs, told_at: None };
        let start = Instant::now();
        for done in 0..100 {
            progress.tell(done, None);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let most = start.elapsed().as_millis() / TOLD_EVERY.as_millis() + 1;
        let mut count = 0;
        while told.try_recv().is_ok() {
            count += 1;
        }
        assert!((2..=most).contains(&count), "{count} of at most {most}");
        // Nobody takes what is told: the export goes on.
        drop(told);
        progress.told_at = None;
        progress.tell(100, None);
    }
}
