// What encoders of text share: blocks of rows written down by several workers.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "io/encoders.h"

namespace hayate::io {

inline constexpr size_t kTextCopy = 16;  ///< bytes of short text copied at once

/// The text of some rows, with room behind it.
class TextBlock {
 public:
  /// Where the next `size` bytes may be written; wrote(end) says how far they were.
  char* room(size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return bytes_.get() + size_;
  }
  void wrote(const char* end) { size_ = size_t(end - bytes_.get()); }
  void append(std::string_view text) {
    char* out = room(text.size() + 8);
    // Short texts, which most are, without a call.
    if (text.size() <= 16) {
      if (text.size() >= 8) {
        std::memcpy(out, text.data(), 8), std::memcpy(out + text.size() - 8, text.data() + text.size() - 8, 8);
      } else if (text.size() >= 4) {
        std::memcpy(out, text.data(), 4), std::memcpy(out + text.size() - 4, text.data() + text.size() - 4, 4);
      } else {
        for (size_t i = 0; i < text.size(); ++i) out[i] = text[i];
      }
    } else {
      std::memcpy(out, text.data(), text.size());
    }
    size_ += text.size();
  }
  void append(char c) { *room(1) = c, ++size_; }
  std::string_view text() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }

 private:
  void grow(size_t size) {
    const size_t capacity = std::max(2 * capacity_, size_ + size + (size_t{64} << 10));
    std::unique_ptr<char[]> bytes(new char[capacity]);
    std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes), capacity_ = capacity;
  }
  std::unique_ptr<char[]> bytes_ = std::unique_ptr<char[]>(new char[1]);
  size_t size_ = 0, capacity_ = 0;
};

/// Encoders of text: blocks of rows are written down by the workers of a pool, and go to the sink in order.
class RowEncoder : public Encoder {
 public:
  RowEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : sink_(std::move(sink)), pool_(pool) {}

  bool takes_any_rows() const override { return true; }

  Result<void> write(const Table& group) override {
    prepare(group);
    const int64_t blocks = (group.num_rows() + kBlockRows - 1) / kBlockRows, wave = pool_ ? 4 * int64_t(pool_->workers()) : 1;
    for (int64_t first = 0; first < blocks; first += wave) {
      const int64_t count = std::min(wave, blocks - first);
      next_.resize(size_t(std::max<int64_t>(next_.size(), count)));
      Result<void> written;
      const auto task = [&](int64_t i, int worker) {
        if (i == 0) return void(written = put_ready());  // the wave before, while this one is written down
        const int64_t begin = (first + i - 1) * kBlockRows;
        next_[size_t(i - 1)].clear();
        append_rows(group, begin, std::min(begin + kBlockRows, group.num_rows()), worker, &next_[size_t(i - 1)]);
      };
      if (pool_)
        pool_->run(count + 1, task);
      else
        for (int64_t i = 0; i <= count; ++i) task(i, 0);
      HY_CHECK(std::move(written));
      ready_.swap(next_);
      num_ready_ = size_t(count);
    }
    rows_ += group.num_rows();
    return {};
  }

 protected:
  /// Before the rows of a group are written down.
  virtual void prepare(const Table&) {}
  /// May be called by several workers, each with a number of its own below num_workers().
  virtual void append_rows(const Table& group, int64_t begin, int64_t end, int worker, TextBlock* out) = 0;
  int num_workers() const { return pool_ ? pool_->workers() : 1; }
  /// What stands in front of all rows, or behind them.
  Result<void> put(std::string_view text) {
    HY_CHECK(put_ready());
    return text.empty() ? Result<void>() : sink_->write(text.data(), text.size());
  }
  Result<void> publish() { return sink_->publish(); }

  int64_t rows_ = 0;  ///< of the groups before

 private:
  static constexpr int64_t kBlockRows = 4096;
  Result<void> put_ready() {
    const size_t count = std::exchange(num_ready_, 0);
    for (size_t i = 0; i < count; ++i)
      if (const std::string_view text = ready_[i].text(); !text.empty()) HY_CHECK(sink_->write(text.data(), text.size()));
    return {};
  }

  std::unique_ptr<ByteSink> sink_;
  exec::Pool* pool_;
  std::vector<TextBlock> next_, ready_;
  size_t num_ready_ = 0;
};

/// The names of a category as they are written, made once for each dictionary.
class WrittenNames {
 public:
  template <class Append>
  void prepare(const Column& column, Append&& append) {
    if (column.dtype != Dtype::category || (column.dictionary == known_ && ends_.size() == size_t(column.dictionary->length) + 1)) return;
    known_ = column.dictionary;
    text_.clear();
    ends_ = {0};
    longest_ = 0;
    for (int64_t i = 0; i < known_->length; ++i) {
      append(known_->text(i), &text_);
      longest_ = std::max(longest_, text_.text().size() - ends_.back());
      ends_.push_back(text_.text().size());
    }
    text_.room(kTextCopy);  // so that a name can be copied with what stands behind it
  }
  std::string_view operator[](int32_t code) const { return text_.text().substr(ends_[size_t(code)], ends_[size_t(code) + 1] - ends_[size_t(code)]); }
  size_t longest() const { return longest_; }

 private:
  std::shared_ptr<const Column> known_;
  TextBlock text_;
  std::vector<size_t> ends_;
  size_t longest_ = 0;
};

}  // namespace hayate::io
