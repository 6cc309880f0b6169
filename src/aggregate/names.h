// The different texts of a column, and what place each has in their order. Collected in any order on any workers; the
// places depend on the set alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/table.h"

namespace hayate::aggregate {

/// A set of texts with a number for each, in order of arrival. Not thread safe.
class TextSet {
 public:
  /// The number of `text`, which is new when it is size() - 1 afterwards.
  uint32_t add(std::string_view text);
  /// The number of `text`, or UINT32_MAX.
  uint32_t find(std::string_view text) const;
  uint32_t size() const { return uint32_t(places_.size()); }
  std::string_view text(uint32_t number) const { return {bytes(places_[number]), places_[number].size}; }
  int64_t memory() const { return memory_ + int64_t(slots_.capacity() * sizeof(Slot) + places_.capacity() * sizeof(Place)); }

 private:
  struct Place {
    uint32_t piece, offset, size;
  };
  struct Slot {
    uint32_t number = UINT32_MAX, tag = 0;
  };
  const char* bytes(const Place& place) const { return pieces_[place.piece].get() + place.offset; }
  size_t slot_of(std::string_view text, uint64_t hash) const;
  void grow();

  std::vector<Slot> slots_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<char[]>> pieces_;
  size_t piece_used_ = 0, piece_size_ = 0;
  int64_t memory_ = 0;
};

/// Texts sorted by bytes. Immutable once made; find may be called from any thread.
class SortedNames {
 public:
  explicit SortedNames(TextSet set);
  /// The place of a text that is in the set.
  uint32_t place_of(std::string_view text) const { return place_of_number_[set_.find(text)]; }
  std::string_view text(uint32_t place) const { return set_.text(number_of_place_[place]); }
  uint32_t size() const { return set_.size(); }
  int64_t memory() const { return set_.memory() + int64_t(8 * number_of_place_.capacity()); }
  /// A text column of all names in order.
  std::shared_ptr<const Column> column() const;

 private:
  TextSet set_;
  std::vector<uint32_t> number_of_place_, place_of_number_;
};

}  // namespace hayate::aggregate
