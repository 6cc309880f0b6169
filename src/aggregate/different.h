// The different values of a column while a table passes by: how often each occurs as long as they are few, from then on about how many there are.
// What is said depends on the set of values alone, not on their order or on which copy met which.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "aggregate/names.h"

namespace hayate::aggregate {

/// How many different values there are, about: HyperLogLog (Flajolet et al. 2007), 4,096 registers, 1.6 % standard error.
class DistinctSketch {
 public:
  void add(uint64_t hash);
  void merge(const DistinctSketch& other);
  int64_t estimate() const;

 private:
  static constexpr int kBits = 12;
  std::vector<uint8_t> registers_ = std::vector<uint8_t>(size_t{1} << kBits, 0);
};

/// How often each word occurs: an open table, a slot of no times is free.
class WordCounts {
 public:
  void add(uint64_t word, int64_t times) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place_of(word)];
    size_ += slot.times == 0;
    slot.word = word, slot.times += times;
  }
  size_t size() const { return size_; }
  template <class Visit>
  void each(Visit&& visit) const {
    for (const Slot& slot : slots_)
      if (slot.times > 0) visit(slot.word, slot.times);
  }

 private:
  struct Slot {
    uint64_t word = 0;
    int64_t times = 0;
  };
  size_t place_of(uint64_t word) const;
  void grow();

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

/// Counts values while there are at most kMostCounted different ones that take at most `most_bytes`, as counted(). Not thread safe.
class DifferentValues {
 public:
  static constexpr size_t kMostCounted = 100'000;
  static constexpr int64_t kBytesOfOne = 64;  ///< a value counted: its slots, those of a table that grows, and a text of up to twelve bytes

  explicit DifferentValues(int64_t most_bytes) : most_bytes_(most_bytes) {}

  /// Values that are not missing; -0 is 0.
  void add_words(std::span<const uint64_t> words, bool is_real);
  /// Rows [begin, begin + count) of a column of texts or a category. Returns how many are null; `met` is called for every text that was
  /// not counted before.
  template <class Met>
  int64_t add_texts(const Column& column, int64_t begin, int64_t count, Met&& met);
  void merge(const DifferentValues& other);

  bool is_complete() const { return is_complete_; }
  /// Exact when is_complete(), else at most `values`.
  int64_t distinct(int64_t values) const;
  const WordCounts& words() const { return words_; }             ///< of columns that are not text
  const TextSet& texts() const { return texts_; }                ///< the others
  int64_t times(uint32_t text) const { return of_text_[text]; }  ///< by number in texts()

 private:
  void count_text(uint32_t number, int64_t times);
  void add_text(std::string_view text, int64_t times);
  void check();
  void give_up();
  static uint64_t hash_of(std::string_view text);

  int64_t most_bytes_;
  bool is_complete_ = true;
  WordCounts words_;
  TextSet texts_;
  std::vector<int64_t> of_text_;
  int64_t text_bytes_ = 0;
  DistinctSketch sketch_;  // of all values when they are not counted
};

template <class Met>
int64_t DifferentValues::add_texts(const Column& column, int64_t begin, int64_t count, Met&& met) {
  constexpr int64_t kRows = 4096, kBytes = 1 << 18;
  int64_t missing = 0;
  for (const int64_t end = begin + count; begin < end;) {
    if (!is_complete_ || column.dtype != Dtype::text) {
      if (column.is_null(begin)) {
        ++missing;
      } else {
        const uint32_t known = texts_.size();
        add_text(column.text(begin), 1);
        if (!is_complete_ || texts_.size() > known) met(column.text(begin));
      }
      ++begin, check();
      continue;
    }
    // Long texts are looked at in small parts: no more of them are kept than was granted.
    const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data);
    int64_t part = std::min(kRows, end - begin);
    while (part > 1 && offsets[begin + part] - offsets[begin] > kBytes) part /= 2;
    const auto visit = [&](int64_t, uint32_t number) {
      if (number == of_text_.size()) met(texts_.text(number));
      count_text(number, 1);
    };
    aggregate::add_texts(column, begin, part, &texts_, visit, [&](int64_t) { ++missing; });
    begin += part;
    check();
  }
  check();
  return missing;
}

}  // namespace hayate::aggregate
