#include "aggregate/names.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>

namespace hayate::aggregate {
namespace {

/// Two multiplications for eight bytes (the mixing of wyhash, Wang Yi 2019). Not for adversaries: the table also compares.
uint64_t mix(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0x9E3779B97F4A7C15ull ^ text.size();
  const char* at = text.data();
  size_t left = text.size();
  if (left <= 16 && left >= 4) {  // two words that overlap: no loop, no copy of an odd size
    const auto word = [&](size_t offset, size_t size) {
      uint64_t out = 0;
      size == 8 ? std::memcpy(&out, at + offset, 8) : std::memcpy(&out, at + offset, 4);
      return out;
    };
    const size_t size = left >= 8 ? 8 : 4;
    return mix(hash ^ word(0, size), 0xA0761D6478BD642Full ^ word(left - size, size));
  }
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    hash = mix(hash ^ eight, 0xA0761D6478BD642Full);
  }
  uint64_t rest = 0;
  if (left) std::memcpy(&rest, at, left);
  return mix(hash ^ rest, 0xE7037ED1A0B428DBull);
}

/// Short texts are compared without a call.
bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  if (a.size() > 16 || a.size() < 4) return a == b;
  const size_t size = a.size() >= 8 ? 8 : 4;
  uint64_t words[4] = {};
  for (int i = 0; i < 4; ++i) {
    const char* at = (i & 1 ? b : a).data() + (i & 2 ? a.size() - size : 0);
    size == 8 ? std::memcpy(&words[i], at, 8) : std::memcpy(&words[i], at, 4);
  }
  return words[0] == words[1] && words[2] == words[3];
}

}  // namespace

/// The slot that holds `text`, or the empty one where it belongs.
size_t TextSet::slot_of(std::string_view text_wanted, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number == UINT32_MAX || (slot.tag == uint32_t(hash >> 32) && same_text(text(slot.number), text_wanted))) return at;
  }
}

uint32_t TextSet::find(std::string_view text_wanted) const {
  return slots_.empty() ? UINT32_MAX : slots_[slot_of(text_wanted, hash_text(text_wanted))].number;
}

void TextSet::grow() {
  slots_.assign(std::max<size_t>(16, 2 * slots_.size()), Slot{});
  for (uint32_t number = 0; number < size(); ++number) {
    const uint64_t hash = hash_text(text(number));
    slots_[slot_of(text(number), hash)] = {number, uint32_t(hash >> 32)};
  }
}

uint32_t TextSet::add(std::string_view fresh) {
  if (2 * (places_.size() + 1) > slots_.size()) grow();
  const uint64_t hash = hash_text(fresh);
  Slot& slot = slots_[slot_of(fresh, hash)];
  if (slot.number != UINT32_MAX) return slot.number;
  if (pieces_.empty() || piece_used_ + fresh.size() > piece_size_) {
    piece_size_ = std::max<size_t>(fresh.size(), std::clamp<size_t>(size_t(memory_), 4096, size_t{1} << 20));
    pieces_.push_back(std::make_unique_for_overwrite<char[]>(piece_size_));
    memory_ += int64_t(piece_size_);
    piece_used_ = 0;
  }
  if (!fresh.empty()) std::memcpy(pieces_.back().get() + piece_used_, fresh.data(), fresh.size());
  slot = {size(), uint32_t(hash >> 32)};
  places_.push_back({uint32_t(pieces_.size() - 1), uint32_t(piece_used_), uint32_t(fresh.size())});
  piece_used_ += fresh.size();
  return slot.number;
}

SortedNames::SortedNames(TextSet set) : set_(std::move(set)), number_of_place_(set_.size()), place_of_number_(set_.size()) {
  std::iota(number_of_place_.begin(), number_of_place_.end(), 0);
  std::sort(number_of_place_.begin(), number_of_place_.end(), [&](uint32_t a, uint32_t b) { return set_.text(a) < set_.text(b); });
  for (uint32_t place = 0; place < size(); ++place) place_of_number_[number_of_place_[place]] = place;
}

std::shared_ptr<const Column> SortedNames::column() const {
  Column out;
  out.dtype = Dtype::text, out.length = size();
  std::vector<int64_t> offsets = {0};
  std::vector<char> bytes;
  for (uint32_t place = 0; place < size(); ++place) {
    bytes.insert(bytes.end(), text(place).begin(), text(place).end());
    offsets.push_back(int64_t(bytes.size()));
  }
  out.values = make_buffer(std::move(bytes));
  out.offsets = make_buffer(std::move(offsets));
  return std::make_shared<const Column>(std::move(out));
}

}  // namespace hayate::aggregate
