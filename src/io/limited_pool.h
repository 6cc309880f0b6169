// Arrow's allocations under a limit: a size written in a file is only asked for here, and refused when it is absurd.
#pragma once

#include <arrow/memory_pool.h>
#include <arrow/status.h>

#include <string>

namespace hayate::io {

class LimitedPool final : public arrow::MemoryPool {
 public:
  explicit LimitedPool(int64_t limit_bytes) : limit_(limit_bytes), pool_(arrow::default_memory_pool()) {}
  int64_t limit_bytes() const { return limit_; }

  arrow::Status Allocate(int64_t size, int64_t alignment, uint8_t** out) override {
    ARROW_RETURN_NOT_OK(check(size));
    ARROW_RETURN_NOT_OK(pool_->Allocate(size, alignment, out));
    stats_.DidAllocateBytes(size);
    return arrow::Status::OK();
  }
  arrow::Status Reallocate(int64_t old_size, int64_t new_size, int64_t alignment, uint8_t** at) override {
    ARROW_RETURN_NOT_OK(check(new_size - old_size));
    ARROW_RETURN_NOT_OK(pool_->Reallocate(old_size, new_size, alignment, at));
    stats_.DidReallocateBytes(old_size, new_size);
    return arrow::Status::OK();
  }
  void Free(uint8_t* buffer, int64_t size, int64_t alignment) override {
    pool_->Free(buffer, size, alignment);
    stats_.DidFreeBytes(size);
  }
  int64_t bytes_allocated() const override { return stats_.bytes_allocated(); }
  int64_t total_bytes_allocated() const override { return stats_.total_bytes_allocated(); }
  int64_t num_allocations() const override { return stats_.num_allocations(); }
  int64_t max_memory() const override { return stats_.max_memory(); }
  std::string backend_name() const override { return pool_->backend_name(); }

 private:
  arrow::Status check(int64_t more) const {
    if (more <= limit_ - stats_.bytes_allocated()) return arrow::Status::OK();
    return arrow::Status::OutOfMemory("needs ", more, " bytes more, the limit is ", limit_);
  }

  int64_t limit_;
  arrow::MemoryPool* pool_;
  arrow::internal::MemoryPoolStats stats_;
};

}  // namespace hayate::io
