#include "io/text_runs.h"

#include <cstring>

#include "io/large_memory.h"

namespace hayate::io {

bool TextRuns::take_memory() {
  for (Run& run : runs_) run.base = size_, size_ += int64_t(run.bytes.size());
  all_ = std::static_pointer_cast<uint8_t>(allocate_large(size_t(size_)));
  return all_ != nullptr;
}

void TextRuns::place(size_t part, std::span<int64_t> offsets) {
  Run& run = runs_[part];
  if (!run.bytes.empty()) std::memcpy(all_.get() + run.base, run.bytes.data(), run.bytes.size());
  for (int64_t& offset : offsets) offset += run.base;
  run.bytes = {};
}

Buffer TextRuns::finish() const { return {all_, all_.get(), size_t(size_)}; }

}  // namespace hayate::io
