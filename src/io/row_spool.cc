#include "io/row_spool.h"

#include <fmt/format.h>

#include "io/chunk_formats.h"

namespace hayate::io {
namespace {

class SpoolSink final : public ByteSink {
 public:
  explicit SpoolSink(std::shared_ptr<TemporaryFile> file) : file_(std::move(file)) {}
  Result<void> write(const void* data, size_t size) override { return file_->write_at(file_->reserve(int64_t(size)), data, size); }
  Result<void> publish() override { return {}; }

 private:
  std::shared_ptr<TemporaryFile> file_;
};

int64_t bytes_of(const Table& table) {
  int64_t bytes = 0;
  for (const Column& column : table.columns) bytes += column.bytes();
  return bytes;
}

}  // namespace

Result<void> RowSpool::add(const Table& group) {
  rows_ += group.num_rows();
  if (encoder_) return encoder_->write(group);
  held_.push_back(group), bytes_ += bytes_of(group);
  return bytes_ > kHeldBytes ? move_to_file() : Result<void>();
}

Result<void> RowSpool::move_to_file() {
  HY_TRY(TemporaryFile made, TemporaryFile::create());
  file_ = std::make_shared<TemporaryFile>(std::move(made));
  HY_TRY(encoder_, arrow_encoder(std::make_unique<SpoolSink>(file_), "$TMPDIR"));
  HY_CHECK(encoder_->begin(slice(held_[0], 0, 0)));
  for (const Table& group : held_) HY_CHECK(encoder_->write(group));
  held_.clear();
  return {};
}

Result<void> RowSpool::each(const std::function<Result<void>(const Table&)>& visit) {
  for (const Table& group : held_) HY_CHECK(visit(group));
  if (!encoder_) return {};
  if (!written_) {
    HY_CHECK(encoder_->finish());
    written_ = InputFile::from_descriptor(file_->release(), "$TMPDIR");
  }
  HY_TRY(const auto chunks, arrow_chunks(fmt::format("/proc/self/fd/{}", written_->descriptor()), {}, INT64_MAX));
  while (true) {
    HY_TRY(const auto group, chunks->next());
    if (!group) return {};
    HY_CHECK(visit(*group));
  }
}

}  // namespace hayate::io
