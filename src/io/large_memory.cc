#include "io/large_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace hayate::io {

namespace {

constexpr size_t kPage = 4096, kHugePage = size_t{2} << 20;

/// Whether twice as much lies free in pages of 2 MiB (lines of /proc/buddyinfo: free blocks of 1, 2, 4 ... pages). Where it does not, asking
/// for them makes the kernel move memory first: 0.7 s for 270 MB.
bool has_huge_pages(size_t size) {
  std::ifstream blocks("/proc/buddyinfo");
  size_t free = 0;
  for (std::string line; std::getline(blocks, line);) {
    std::istringstream words(line);
    std::string node, number, zone, name;
    words >> node >> number >> zone >> name;
    size_t count = 0;
    for (size_t bytes = kPage; words >> count; bytes *= 2)
      if (bytes >= kHugePage) free += count * bytes;
  }
  return free / 2 >= size;
}

/// Takes the pages of memory that will be written soon.
void populate(void* memory, size_t size) {
#ifdef MADV_POPULATE_WRITE
  ::madvise(memory, size, MADV_POPULATE_WRITE);  // older kernels refuse: the pages come one by one
#endif
}

/// A block that was given back, with the pages it has.
struct Block {
  void* memory = nullptr;
  size_t size = 0;  // all of it
};

/// Blocks given back last, for whoever asks next.
class KeptBlocks {
 public:
  /// A block of at least `size` and at most a quarter more; none: nullptr.
  Block take(size_t size) {
    const std::lock_guard lock(mutex_);
    auto best = blocks_.end();
    for (auto at = blocks_.begin(); at != blocks_.end(); ++at)
      if (at->size >= size && at->size - size <= size / 4 && (best == blocks_.end() || at->size < best->size)) best = at;
    if (best == blocks_.end()) return {};
    const Block out = *best;
    blocks_.erase(best);
    bytes_ -= out.size;
    return out;
  }
  void give_back(Block block) {
    std::vector<Block> dropped;
    {
      const std::lock_guard lock(mutex_);
      blocks_.push_back(block);
      bytes_ += block.size;
      drop(&dropped);
    }
    for (const Block& old : dropped) std::free(old.memory);
  }
  void keep(size_t most) {
    std::vector<Block> dropped;
    {
      const std::lock_guard lock(mutex_);
      most_ = most;
      drop(&dropped);
    }
    for (const Block& old : dropped) std::free(old.memory);
  }

 private:
  /// The oldest ones above what may be kept.
  void drop(std::vector<Block>* dropped) {
    size_t count = 0;
    while (bytes_ > most_) bytes_ -= blocks_[count++].size;
    dropped->assign(blocks_.begin(), blocks_.begin() + std::ptrdiff_t(count));
    blocks_.erase(blocks_.begin(), blocks_.begin() + std::ptrdiff_t(count));
  }

  std::mutex mutex_;
  std::vector<Block> blocks_;  // oldest first
  size_t bytes_ = 0, most_ = 0;
};

/// Never destroyed: tables that are left when the process ends give memory back after everything else.
KeptBlocks& kept_blocks() {
  static KeptBlocks* const blocks = new KeptBlocks;
  return *blocks;
}

std::shared_ptr<void> owned(Block block) {
  return {block.memory, [block](void*) { kept_blocks().give_back(block); }};
}

}  // namespace

void keep_large_memory(int64_t limit_bytes) {
  constexpr int64_t kMost = int64_t{64} << 20, kShare = 16;
  kept_blocks().keep(size_t(std::clamp<int64_t>(limit_bytes / kShare, 0, kMost)));
}

std::shared_ptr<void> allocate_large(size_t size) {
  constexpr size_t kLarge = kHugePage;
  if (size < kLarge) return {std::malloc(size > 0 ? size : 1), std::free};
  if (size > SIZE_MAX - kHugePage) return nullptr;
  if (const Block kept = kept_blocks().take(size); kept.memory) return owned(kept);
  const bool huge = has_huge_pages(size);
  const size_t page = huge ? kHugePage : kPage, whole = (size + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, whole);
  if (!memory) return nullptr;
  // A last page of which an eighth or less stays unused is taken too: a column of 1,000,000 float32 ends so.
  const size_t taken = huge && size % kHugePage >= kHugePage / 8 * 7 ? whole : size;
  if (huge) ::madvise(memory, taken / kHugePage * kHugePage, MADV_HUGEPAGE);
  populate(memory, taken);
  return owned({memory, whole});
}

std::shared_ptr<void> reserve_large(size_t size) {
  void* const mapped = ::mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  void* const begin = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(mapped) + kHugePage - 1) / kHugePage * kHugePage);
  if (has_huge_pages(size)) ::madvise(begin, size, MADV_HUGEPAGE);
  return {begin, [mapped, size](void*) { ::munmap(mapped, size + kHugePage); }};
}

GrowingBytes::~GrowingBytes() { is_mapped() ? void(::munmap(data_, capacity_)) : std::free(data_); }

/// By realloc while they are few: there may be as many of these as a file has columns.
bool GrowingBytes::grow(size_t capacity) {
  void* moved = nullptr;
  if (capacity < kMapped) {
    moved = std::realloc(data_, capacity);
    if (!moved) return false;
  } else {
    capacity = (capacity + kHugePage - 1) / kHugePage * kHugePage;
    moved = is_mapped() ? ::mremap(data_, capacity_, capacity, MREMAP_MAYMOVE)
                        : ::mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (moved == MAP_FAILED) return false;
    if (!is_mapped()) {
      if (size_ > 0) std::memcpy(moved, data_, size_);
      std::free(data_);
    }
  }
  data_ = static_cast<char*>(moved), capacity_ = capacity;
  return true;
}

bool GrowingBytes::resize(size_t size) {
  if (size > capacity_ && !grow(std::max({2 * capacity_, size, size_t{64}}))) return false;
  if (is_mapped() && size > ready_) {
    const size_t ready = (size + kHugePage - 1) / kHugePage * kHugePage;
    populate(data_ + ready_, ready - ready_);
    ready_ = ready;
  }
  size_ = size;
  return true;
}

Buffer GrowingBytes::release() {
  const bool mapped = is_mapped();
  const size_t capacity = std::exchange(capacity_, 0), size = std::exchange(size_, 0);
  char* const data = std::exchange(data_, nullptr);
  ready_ = 0;
  if (!data) return {};
  const auto give_back = [capacity, mapped](const void* memory) {
    mapped ? void(::munmap(const_cast<void*>(memory), capacity)) : std::free(const_cast<void*>(memory));
  };
  return {std::shared_ptr<const void>(data, give_back), reinterpret_cast<const uint8_t*>(data), size};
}

}  // namespace hayate::io
