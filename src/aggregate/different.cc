#include "aggregate/different.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "aggregate/words.h"
#include "base/hash.h"
#include "base/random.h"

namespace hayate::aggregate {

void DistinctSketch::add(uint64_t hash) {
  uint8_t& seen = registers_[hash >> (64 - kBits)];
  seen = std::max(seen, uint8_t(1 + std::countl_zero(hash << kBits | uint64_t{1} << (kBits - 1))));
}

void DistinctSketch::merge(const DistinctSketch& other) {
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

int64_t DistinctSketch::estimate() const {
  const double m = double(registers_.size());
  double sum = 0;
  int64_t zeros = 0;
  for (const uint8_t seen : registers_) sum += std::ldexp(1.0, -int(seen)), zeros += seen == 0;
  const double raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  return std::llround(raw <= 2.5 * m && zeros ? m * std::log(m / double(zeros)) : raw);
}

size_t WordCounts::place_of(uint64_t word) const {
  size_t at = size_t(mix64(word)) & (slots_.size() - 1);
  while (slots_[at].times > 0 && slots_[at].word != word) at = (at + 1) & (slots_.size() - 1);
  return at;
}

void WordCounts::grow() {
  const std::vector<Slot> before = std::exchange(slots_, std::vector<Slot>(std::max<size_t>(64, 2 * slots_.size())));
  for (const Slot& slot : before)
    if (slot.times > 0) slots_[place_of(slot.word)] = slot;
}

uint64_t DifferentValues::hash_of(std::string_view text) { return checksum(text.data(), text.size()); }

void DifferentValues::add_words(std::span<const uint64_t> words, bool is_real) {
  const auto value = [&](uint64_t word) { return is_real ? without_sign_of_zero(word) : word; };
  if (is_complete_)
    for (const uint64_t word : words) words_.add(value(word), 1);
  else
    for (const uint64_t word : words) sketch_.add(mix64(value(word)));
  check();
}

void DifferentValues::count_text(uint32_t number, int64_t times) {
  if (number == of_text_.size()) of_text_.push_back(0), text_bytes_ += int64_t(texts_.text(number).size());
  of_text_[number] += times;
}

void DifferentValues::add_text(std::string_view text, int64_t times) {
  is_complete_ ? count_text(texts_.add(text), times) : sketch_.add(hash_of(text));
}

void DifferentValues::merge(const DifferentValues& other) {
  if (!other.is_complete_) give_up();
  sketch_.merge(other.sketch_);
  other.words_.each([&](uint64_t word, int64_t times) { is_complete_ ? words_.add(word, times) : sketch_.add(mix64(word)); });
  for (uint32_t i = 0; i < other.of_text_.size(); ++i) add_text(other.texts_.text(i), other.of_text_[i]), check();
  check();
}

int64_t DifferentValues::distinct(int64_t values) const {
  return is_complete_ ? int64_t(words_.size() + of_text_.size()) : std::min(sketch_.estimate(), values);
}

void DifferentValues::check() {
  const size_t counted = words_.size() + of_text_.size();
  if (counted > kMostCounted || kBytesOfOne * int64_t(counted) + text_bytes_ > most_bytes_) give_up();
}

void DifferentValues::give_up() {
  if (!is_complete_) return;
  words_.each([&](uint64_t word, int64_t) { sketch_.add(mix64(word)); });
  for (uint32_t i = 0; i < of_text_.size(); ++i) sketch_.add(hash_of(texts_.text(i)));
  words_ = {}, texts_ = {}, of_text_ = {}, text_bytes_ = 0, is_complete_ = false;
}

}  // namespace hayate::aggregate
