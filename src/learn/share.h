// Rows of a long table in parts, for a pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "exec/pool.h"

namespace hayate::learn {

/// Calls work(first row, rows) for parts that make up all rows, on the pool when there is one and more than a part. Parts begin
/// at multiples of 64 and are long enough that waking a worker (some 10 us) is worth it.
template <class Work>
void share_rows(int64_t num_rows, exec::Pool* pool, Work work) {
  constexpr int64_t kPart = 16'384;
  exec::run_all((num_rows + kPart - 1) / kPart, pool, [&](int64_t part) { work(part * kPart, std::min(kPart, num_rows - part * kPart)); });
}

}  // namespace hayate::learn
