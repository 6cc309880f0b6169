#pragma once

#include <cstdint>
#include <functional>

#include "exec/pool.h"

namespace hayate::io {

/// Calls task(i, worker) for i < count on the pool, or, without one, here as worker 0.
inline void run_on(exec::Pool* pool, int64_t count, const std::function<void(int64_t, int)>& task) {
  if (pool) return void(pool->run(count, task));
  for (int64_t i = 0; i < count; ++i) task(i, 0);
}

}  // namespace hayate::io
