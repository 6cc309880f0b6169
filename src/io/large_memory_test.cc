#include "io/large_memory.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace hayate::io {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

TEST_CASE("memory that was given back is handed out again, to whoever needs about as much, up to a sixteenth of the limit") {
  keep_large_memory(int64_t(512 * kMiB));  // 32 MiB
  const void* const first = allocate_large(8 * kMiB).get();
  CHECK(allocate_large(8 * kMiB).get() == first);
  CHECK(allocate_large(7 * kMiB).get() == first);
  CHECK(allocate_large(4 * kMiB).get() != first);  // wastes half
  {
    const auto again = allocate_large(8 * kMiB), other = allocate_large(8 * kMiB);
    CHECK(again.get() == first);
    CHECK(other.get() != first);
  }
  std::memset(allocate_large(40 * kMiB).get(), 1, 40 * kMiB);  // more than may be kept: all of it goes
  keep_large_memory(0);
  const auto small = allocate_large(1000);
  REQUIRE(small);
  std::memset(small.get(), 1, 1000);
}

TEST_CASE("blocks that several threads hold at once are different ones, and stay when nothing is kept any more") {
  keep_large_memory(int64_t(1024 * kMiB));
  std::vector<std::thread> threads;
  std::vector<int> bad(4, 0);
  for (size_t t = 0; t < 4; ++t)
    threads.emplace_back([t, &bad] {
      for (size_t i = 0; i < 40; ++i) {
        const size_t size = (2 + (t + i) % 3) * kMiB + i;
        const auto block = allocate_large(size);
        auto* const bytes = static_cast<uint8_t*>(block.get());
        for (size_t at = 0; at < size; at += 4096) bytes[at] = uint8_t(t);
        for (size_t at = 0; at < size; at += 4096) bad[t] += bytes[at] != uint8_t(t);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(bad == std::vector<int>(4, 0));
  const auto held = allocate_large(3 * kMiB);
  keep_large_memory(0);
  std::memset(held.get(), 1, 3 * kMiB);
}

}  // namespace
}  // namespace hayate::io
