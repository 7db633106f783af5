//! One thread that writes, a few that read.
//!
//! The writer takes what is waiting (at most [`BATCH_ROWS`], for at most [`BATCH_TIME`]), does it in one transaction, commits once, and
//! only then answers: whoever has an answer has it on disk. When a job fails after it wrote something the transaction is taken back and
//! done again with a savepoint around each. While a commit waits for the disk the next batch gathers.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use crate::store::{Answer, StoreError};

const BATCH_ROWS: usize = 256;
const BATCH_TIME: Duration = Duration::from_millis(10);
const WRITES_WAITING: usize = 4_096;
const READS_WAITING: usize = 1_024;
const READERS: usize = 2;
/// Pages that a connection keeps, in KiB: history lives in the page cache of the system.
const WRITER_CACHE_KIB: i64 = 2_048;
const READER_CACHE_KIB: i64 = 1_024;
/// Pages in the write-ahead log before they go into the database: one that was changed many times, as the ends of indexes are, goes once.
const LOG_PAGES: i64 = 4_000;
/// Steps of the database between two looks at the clock. Each page of the index of words takes a few, however long the whole takes.
const STEPS_BETWEEN_LOOKS: i32 = 500;

thread_local! {
    /// When the job of this reading thread is broken off.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A job of the writer.
trait Write: Send {
    /// Does it, or does it again after it was undone. False when it is refused.
    fn run(&mut self, connection: &Connection) -> bool;
    fn answer(self: Box<Self>, committed: bool);
}

struct WriteJob<T, F> {
    body: F,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&Connection) -> Result<T, StoreError> + Send> Write for WriteJob<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = guarded(|| (self.body)(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, committed: bool) {
        let result = match self.result {
            Some(Err(error)) => Err(error),
            Some(Ok(value)) if committed => Ok(value),
            Some(Ok(_)) | None => Err(StoreError::Failed("the job was not committed".into())),
        };
        let _ = self.answer.send(result);
    }
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// Threads over one database file. Dropping it lets them finish what they have.
#[derive(Debug)]
pub(super) struct Pool {
    writes: Option<SyncSender<Box<dyn Write>>>,
    reads: Option<SyncSender<ReadJob>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub fn open(path: &Path) -> Result<Self, rusqlite::Error> {
        let writer = open_writer(path)?;
        super::migrate::migrate(&writer)?;
        let (writes, write_jobs) = sync_channel(WRITES_WAITING);
        let (reads, read_jobs) = sync_channel(READS_WAITING);
        let read_jobs = Arc::new(Mutex::new(read_jobs));
        let mut threads = vec![spawn("store-writer", {
            let path = path.to_owned();
            move || write(writer, &path, &write_jobs)
        })];
        for _ in 0..READERS {
            let (jobs, connection) = (read_jobs.clone(), open_reader(path)?);
            threads.push(spawn("store-reader", move || read(&connection, &jobs)));
        }
        Ok(Self { writes: Some(writes), reads: Some(reads), threads })
    }

    /// Runs `job` in order with all other writes; answered after its commit. It may run twice: the first time is undone then.
    pub fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        let job: Box<dyn Write> = Box::new(WriteJob { body: job, result: None, answer });
        let sent = self.writes.as_ref().map(|writes| writes.try_send(job));
        wait(sent, answered)
    }

    /// Runs `job` on a reading connection: it sees every write that was answered.
    pub fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| {
            let _ = answer.send(job(connection));
        });
        let sent = self.reads.as_ref().map(|reads| reads.try_send(job));
        wait(sent, answered)
    }
}

impl Pool {
    /// Like [`Pool::read`], broken off with [`StoreError::TooLong`] after a time.
    pub fn read_within<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<T> {
        self.read(move |connection| {
            DEADLINE.set(Some(Instant::now() + limit));
            job(connection)
        })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.writes = None;
        self.reads = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn wait<T: Send + 'static, J>(
    sent: Option<Result<(), TrySendError<J>>>,
    answered: oneshot::Receiver<Result<T, StoreError>>,
) -> Answer<T> {
    match sent {
        Some(Ok(())) => {
            Box::pin(async { answered.await.unwrap_or_else(|_| Err(StoreError::Failed("a job was dropped".into()))) })
        }
        Some(Err(TrySendError::Full(_))) => Box::pin(async { Err(StoreError::Busy) }),
        Some(Err(TrySendError::Disconnected(_))) | None => {
            Box::pin(async { Err(StoreError::Failed("the store is closed".into())) })
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new().name(name.into()).spawn(body).expect("a thread can be started at start-up")
}

fn open_writer(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    keep_plans(&connection)?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = Connection::open_with_flags(path, flags)?;
    let is_over = || DEADLINE.get().is_some_and(|deadline| Instant::now() > deadline);
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(is_over))?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// Statements are prepared once. Without the stability guarantee SQLite (built with STAT4) prepares one anew for every value bound to a
/// range: a quarter of what a connection cost.
fn keep_plans(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

fn read(connection: &Connection, jobs: &Mutex<Receiver<ReadJob>>) {
    loop {
        let job = {
            let Ok(jobs) = jobs.lock() else { return };
            jobs.recv()
        };
        let Ok(job) = job else { return };
        guarded(|| job(connection));
        DEADLINE.set(None);
    }
}

fn write(mut connection: Connection, path: &Path, jobs: &Receiver<Box<dyn Write>>) {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    while let Ok(first) = jobs.recv() {
        let committed = match transact(&connection, first, jobs, &mut batch) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the database takes no writes");
                connection = reopened(connection, path);
                false
            }
        };
        for job in batch.drain(..) {
            job.answer(committed);
        }
    }
}

/// Does a job and those that wait behind it, and commits. Whatever was taken from the queue is in `batch` afterwards.
fn transact(
    connection: &Connection,
    first: Box<dyn Write>,
    jobs: &Receiver<Box<dyn Write>>,
    batch: &mut Vec<Box<dyn Write>>,
) -> Result<(), rusqlite::Error> {
    let started = Instant::now();
    batch.push(first);
    execute(connection, "BEGIN IMMEDIATE")?;
    let mut clean = leaves_nothing_half_done(connection, &mut *batch[0]);
    while clean && batch.len() < BATCH_ROWS && started.elapsed() < BATCH_TIME {
        let Ok(mut job) = jobs.try_recv() else { break };
        clean = leaves_nothing_half_done(connection, &mut *job);
        batch.push(job);
    }
    if !clean {
        execute(connection, "ROLLBACK")?;
        execute(connection, "BEGIN IMMEDIATE")?;
        batch.iter_mut().try_for_each(|job| run_alone(connection, &mut **job))?;
    }
    execute(connection, "COMMIT")
}

/// Runs a job as if it could not fail. Nearly always it does not, or before it wrote anything; a savepoint for each would cost
/// about a tenth of a message.
fn leaves_nothing_half_done(connection: &Connection, job: &mut dyn Write) -> bool {
    let before = connection.total_changes();
    // A full disk may have undone everything: then there is no transaction any more.
    job.run(connection) || (connection.total_changes() == before && !connection.is_autocommit())
}

/// Runs a job in a savepoint, so that its failure undoes only itself.
fn run_alone(connection: &Connection, job: &mut dyn Write) -> Result<(), rusqlite::Error> {
    execute(connection, "SAVEPOINT job")?;
    if !job.run(connection) {
        execute(connection, "ROLLBACK TO job")?;
    }
    execute(connection, "RELEASE job")
}

fn execute(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// After a failed commit the connection's state is not to be trusted.
fn reopened(connection: Connection, path: &Path) -> Connection {
    let _ = connection.execute_batch("ROLLBACK");
    match open_writer(path) {
        Ok(fresh) => fresh,
        Err(error) => {
            tracing::error!(%error, "the database cannot be opened again");
            connection
        }
    }
}

/// A job that panics is a defect of ours; it must not take the thread with it.
fn guarded<T>(body: impl FnOnce() -> T) -> Option<T> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(_) => {
            tracing::error!("a job of the store panicked");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(number: i64) -> impl Fn(&Connection) -> Result<i64, StoreError> {
        move |c| {
            c.execute("INSERT INTO numbers VALUES (?)", [number])?;
            Ok(number)
        }
    }

    #[tokio::test]
    async fn what_fails_halfway_is_undone_alone() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::open(&dir.path().join("relay.sqlite")).unwrap();
        pool.write(|c| Ok(c.execute_batch("CREATE TABLE numbers (number INTEGER)")?)).await.unwrap();
        // While it sleeps the others gather behind it and make one transaction.
        let slow = pool.write(|_| {
            std::thread::sleep(Duration::from_millis(200));
            Ok(())
        });
        let first = pool.write(add(1));
        let refused = pool.write(|_| Err::<(), _>(StoreError::Failed("refused".into())));
        let halfway = pool.write(|c| add(2)(c).and(Err::<(), _>(StoreError::Failed("halfway".into()))));
        let panicking = pool.write(|c| -> Result<(), StoreError> { panic!("after {}", add(3)(c).unwrap()) });
        let last = pool.write(add(4));
        slow.await.unwrap();
        assert_eq!((first.await.unwrap(), last.await.unwrap()), (1, 4));
        assert!(matches!(refused.await, Err(StoreError::Failed(why)) if why == "refused"));
        assert!(matches!(halfway.await, Err(StoreError::Failed(why)) if why == "halfway"));
        assert!(panicking.await.is_err());
        let kept =
            pool.read(|c| Ok(c.query_row("SELECT group_concat(number) FROM numbers", [], |r| r.get::<_, String>(0))?));
        assert_eq!(kept.await.unwrap(), "1,4");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_broken_off_and_the_next_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::open(&dir.path().join("relay.sqlite")).unwrap();
        let endless = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        let count = |sql: &'static str| move |c: &Connection| Ok(c.query_row(sql, [], |r| r.get::<_, i64>(0))?);
        for _ in 0..2 * READERS {
            let broken_off = pool.read_within(Duration::from_millis(20), count(endless)).await;
            assert!(matches!(broken_off, Err(StoreError::TooLong)), "{broken_off:?}");
        }
        let long =
            "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000) SELECT count(*) FROM n";
        for _ in 0..2 * READERS {
            assert_eq!(pool.read(count(long)).await.unwrap(), 1_000_000);
        }
    }
}
