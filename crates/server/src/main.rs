//! The `tenantry` command.

/// Answers consist of many small values; this allocator is faster for them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tenantry_server::cli::run()
}
