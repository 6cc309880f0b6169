#include "io/large_memory.h"

#include <sys/mman.h>

#include <cstdlib>

namespace hayate::io {

std::shared_ptr<void> allocate_large(size_t size) {
  constexpr size_t kLarge = size_t{4} << 20, kPage = 4096;
  if (size < kLarge) return {std::malloc(size > 0 ? size : 1), std::free};
  if (size > SIZE_MAX - kPage) return nullptr;
  void* memory = std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage);
#ifdef MADV_POPULATE_WRITE
  if (memory) ::madvise(memory, size, MADV_POPULATE_WRITE);  // older kernels refuse: the pages come one by one
#endif
  return {memory, std::free};
}

}  // namespace hayate::io
