// The different texts of a column, and what place each has in their order. Collected in any order on any workers; the
// places depend on the set alone.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "exec/pool.h"
#include "hayate/table.h"

namespace hayate::aggregate {

/// A set of texts with a number for each, in order of arrival. Not thread safe. Texts of at most 12 bytes, which most keys are, stand
/// beside their size in one place of 16 bytes and are found and compared as two numbers.
class TextSet {
 public:
  /// The number of `text`, which is new when it is size() - 1 afterwards.
  uint32_t add(std::string_view text) {
    const uint32_t number = text.size() <= kShort ? find_at_once(short_place(text)) : kNone;
    return number != kNone ? number : add_slowly(text);
  }
  /// The same for a text with kPadding readable bytes from its begin on.
  uint32_t add_padded(const char* text, size_t size) {
    const uint32_t number = size <= kShort ? find_at_once(padded_place(text, size)) : kNone;
    return number != kNone ? number : add_slowly({text, size});
  }
  static constexpr size_t kPadding = 16;
  /// The number of `text`, or UINT32_MAX.
  uint32_t find(std::string_view text) const;
  uint32_t size() const { return uint32_t(places_.size()); }
  /// Valid until the next add().
  std::string_view text(uint32_t number) const;
  int64_t memory() const { return memory_ + int64_t(slots_.capacity() * sizeof(Slot) + places_.capacity() * sizeof(Place)); }

  static constexpr uint32_t kNone = UINT32_MAX;

 private:
  /// A short text: its bytes in the low ones of `low` and `high`, zeros behind. A long one: where it begins.
  struct Place {
    uint64_t low = 0;
    uint32_t high = 0, size = 0;
  };
  static constexpr size_t kShort = sizeof(uint64_t) + sizeof(uint32_t);
  struct Slot {
    uint32_t number = kNone, tag = 0;  // no tag of a text is 0
  };

  template <class T>
  static uint64_t load(const char* from) {
    T out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  /// Up to eight bytes from the lowest on, without reading beyond them and without a loop.
  static uint64_t eight_bytes(const char* at, size_t size) {
    if (size >= 4) return load<uint32_t>(at) | load<uint32_t>(at + size - 4) << (8 * (size - 4));
    if (size == 0) return 0;
    return load<uint8_t>(at) | load<uint8_t>(at + size / 2) << (8 * (size / 2)) | load<uint8_t>(at + size - 1) << (8 * (size - 1));
  }
  static Place short_place(std::string_view text) {
    const size_t size = text.size();
    if (size <= 8) return {eight_bytes(text.data(), size), 0, uint32_t(size)};
    return {load<uint64_t>(text.data()), uint32_t(load<uint32_t>(text.data() + size - 4) >> (8 * (kShort - size))), uint32_t(size)};
  }
  static Place padded_place(const char* text, size_t size) {
    const uint64_t first = load<uint64_t>(text);
    if (size <= 8) return {size == 0 ? 0 : first << (64 - 8 * size) >> (64 - 8 * size), 0, uint32_t(size)};
    const int unused = int(8 * (kShort - size));
    return {first, uint32_t(load<uint32_t>(text + 8)) << unused >> unused, uint32_t(size)};
  }
  /// Two multiplications for eight bytes (the mixing of wyhash, Wang Yi 2019). Not for adversaries: the table also compares.
  static uint64_t mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return uint64_t(product) ^ uint64_t(product >> 64);
  }
  static uint64_t hash_of(const Place& place) {
    return mix(place.low ^ 0xA0761D6478BD642Full, (uint64_t(place.size) << 32 | place.high) ^ 0xE7037ED1A0B428DBull);
  }
  static uint32_t tag_of(uint64_t hash) { return uint32_t(hash >> 32) | 1; }

  /// The number of a short text that stands where it is looked for first; kNone: look further.
  uint32_t find_at_once(const Place& place) const {
    if (slots_.empty()) return kNone;
    const uint64_t hash = hash_of(place);
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    if (slot.tag != tag_of(hash)) return kNone;
    const Place& known = places_[slot.number];
    return known.low == place.low && known.high == place.high && known.size == place.size ? slot.number : kNone;
  }
  uint32_t add_slowly(std::string_view text);
  static uint64_t hash_long(std::string_view text);
  static uint64_t hash_of(std::string_view text, const Place& place) { return text.size() > kShort ? hash_long(text) : hash_of(place); }
  size_t slot_of(std::string_view text, const Place& place, uint64_t hash) const;
  bool is_crowded() const;
  void grow();

  std::vector<Slot> slots_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<char[]>> pieces_;  // of long texts
  size_t piece_used_ = 0, piece_size_ = 0;
  int64_t memory_ = 0;
};

/// Whether texts are of one byte each: they stand side by side then, and their offsets need no further look.
inline bool are_single_bytes(const int64_t* offsets, int64_t count) {
  if (offsets[count] - offsets[0] != count) return false;
  int64_t differing = 0;
  for (int64_t i = 0; i < count; ++i) differing |= (offsets[i + 1] - offsets[i]) ^ 1;
  return differing == 0;
}

/// Calls visit(row, number in `names`) for rows [begin, begin + count) of a text column that are not null, and null(row) for the others.
template <class Visit, class Null>
void add_texts(const Column& column, int64_t begin, int64_t count, TextSet* names, Visit&& visit, Null&& null) {
  const auto* const offsets = reinterpret_cast<const int64_t*>(column.offsets.data);
  const char* const bytes = reinterpret_cast<const char*>(column.values.data);
  const int64_t safe = int64_t(column.values.size) - int64_t(TextSet::kPadding);
  std::array<uint32_t, 256> of_byte;  // numbers of texts of one byte, which many categories are: 1 ns each instead of 4
  of_byte.fill(TextSet::kNone);
  const auto number_of_byte = [&](int64_t at) {
    uint32_t& number = of_byte[uint8_t(bytes[at])];
    if (number == TextSet::kNone) number = names->add({bytes + at, 1});
    return number;
  };
  if (!column.validity.data && count > 0 && are_single_bytes(offsets + begin, count)) {
    for (int64_t i = 0; i < count; ++i) visit(begin + i, number_of_byte(offsets[begin] + i));
    return;
  }
  for (int64_t row = begin; row < begin + count; ++row) {
    const int64_t from = offsets[row];
    const size_t size = size_t(offsets[row + 1] - from);
    if (column.is_null(row)) {
      null(row);
    } else if (size == 1) {
      visit(row, number_of_byte(from));
    } else {
      visit(row, from <= safe ? names->add_padded(bytes + from, size) : names->add({bytes + from, size}));
    }
  }
}

/// Texts sorted by bytes. Immutable once made; find may be called from any thread.
class SortedNames {
 public:
  explicit SortedNames(TextSet set);
  /// The place of a text that is in the set.
  uint32_t place_of(std::string_view text) const { return place_of_number_[set_.find(text)]; }
  /// The same of any text; nothing when it is not there.
  std::optional<uint32_t> find(std::string_view text) const {
    const uint32_t number = set_.find(text);
    return number == TextSet::kNone ? std::nullopt : std::optional(place_of_number_[number]);
  }
  std::string_view text(uint32_t place) const { return set_.text(number_of_place_[place]); }
  uint32_t size() const { return set_.size(); }
  int64_t memory() const { return set_.memory() + int64_t(8 * number_of_place_.capacity()); }
  /// A text column of all names in order.
  std::shared_ptr<const Column> column() const;

 private:
  TextSet set_;
  std::vector<uint32_t> number_of_place_, place_of_number_;
};

/// A text column as a category, names in order of appearance; nothing when it has more than `most_names` of them. Nulls stay nulls.
std::optional<Column> encode_text(const Column& column, size_t most_names, exec::Pool& pool);

}  // namespace hayate::aggregate
