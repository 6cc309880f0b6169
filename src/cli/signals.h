// SIGINT and SIGTERM stop the run cleanly; a second signal ends the process at once.
#pragma once

#include "exec/pool.h"

namespace hayate::cli {

void install_signal_handlers();
/// Set when a signal arrived; commands hand it to what they run.
exec::Cancellation& interruption();
/// The signal that arrived, or 0.
int received_signal();

}  // namespace hayate::cli
