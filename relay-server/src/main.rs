//! The relay's binary: reads the command line and does what it says.

use clap::Parser;

fn main() -> anyhow::Result<()> {
    let cli = parley_relay::cli::Cli::parse();
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(parley_relay::cli::run(cli))
}
