// Being told to stop, where there may be nobody who tells.
#pragma once

#include "exec/pool.h"
#include "hayate/error.h"

namespace hayate::learn {

inline bool stopped(const exec::Cancellation* cancel) { return cancel && cancel->stopped(); }

inline Error stopped_error(const char* where) { return {Kind::interrupted, "training was stopped", where, "run it again"}; }

}  // namespace hayate::learn
