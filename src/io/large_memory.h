#pragma once

#include <cstddef>
#include <memory>

#include "hayate/table.h"

namespace hayate::io {

/// `size` bytes, not cleared, all to be written soon; nullptr when there is no memory. Large ones get their pages at once, of 2 MiB where
/// those lie ready: one by one, page faults were a third of the time of reading a CSV file (1.3 us each on a virtual machine, 0.9 at once).
std::shared_ptr<void> allocate_large(size_t size);

/// From now on what allocate_large() gave and gets back stays with the process, up to a sixteenth of its limit and 64 MiB, for the next block of
/// about that size: a table that is read again finds its pages there, and cleared. A Feather file of 41 MB: 33 -> 21 ms of CPU.
void keep_large_memory(int64_t limit_bytes);

/// The same for memory that is handed out in parts: pages, of 2 MiB where those lie ready, come as they are written first, by whoever does it.
/// `size` is a multiple of 2 MiB.
std::shared_ptr<void> reserve_large(size_t size);

/// Bytes that grow at their end and are not cleared. Growing moves pages, not bytes, and takes them some at a time.
class GrowingBytes {
 public:
  GrowingBytes() = default;
  GrowingBytes(const GrowingBytes&) = delete;
  GrowingBytes& operator=(const GrowingBytes&) = delete;
  ~GrowingBytes();

  /// False: no memory; what is there stays.
  bool resize(size_t size);
  char* data() { return data_; }
  /// The bytes, which are the buffer's now.
  Buffer release();

 private:
  static constexpr size_t kMapped = size_t{4} << 20;
  bool is_mapped() const { return capacity_ >= kMapped; }
  bool grow(size_t capacity);

  char* data_ = nullptr;
  size_t size_ = 0, ready_ = 0, capacity_ = 0;  // ready_: pages taken, of those that are mapped
};

}  // namespace hayate::io
