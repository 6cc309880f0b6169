#include "aggregate/names.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>

namespace hayate::aggregate {

uint64_t TextSet::hash_long(std::string_view text) {
  uint64_t hash = 0x9E3779B97F4A7C15ull ^ text.size();
  const char* at = text.data();
  size_t left = text.size();
  for (; left > 8; at += 8, left -= 8) {
    uint64_t eight;
    std::memcpy(&eight, at, 8);
    hash = mix(hash ^ eight, 0xA0761D6478BD642Full);
  }
  uint64_t last;  // longer than eight bytes: the last eight overlap those before
  std::memcpy(&last, text.data() + text.size() - 8, 8);
  return mix(hash ^ last, 0xE7037ED1A0B428DBull);
}

std::string_view TextSet::text(uint32_t number) const {
  const Place& place = places_[number];
  if (place.size <= kShort) return {reinterpret_cast<const char*>(&place), place.size};
  return {pieces_[place.low >> 32].get() + uint32_t(place.low), place.size};
}

/// The slot that holds the text, or the empty one where it belongs.
size_t TextSet::slot_of(std::string_view wanted, const Place& place, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.number == kNone) return at;
    if (slot.tag != tag_of(hash)) continue;
    const Place& other = places_[slot.number];
    if (wanted.size() <= kShort ? other.low == place.low && other.high == place.high && other.size == place.size : text(slot.number) == wanted)
      return at;
  }
}

uint32_t TextSet::find(std::string_view wanted) const {
  if (slots_.empty()) return kNone;
  const Place place = wanted.size() <= kShort ? short_place(wanted) : Place{};
  return slots_[slot_of(wanted, place, hash_of(wanted, place))].number;
}

/// Whether another text needs more slots: two for each, and sixteen while they are few, so that hardly two meet in one. What is looked up again
/// and again then stands where it is looked for: 4 ns a text instead of 11, which were mispredicted branches.
bool TextSet::is_crowded() const {
  constexpr size_t kFew = 1024;
  return (slots_.size() < kFew ? 16 : 2) * (places_.size() + 1) > slots_.size();
}

void TextSet::grow() {
  slots_.assign(std::max<size_t>(16, 2 * slots_.size()), Slot{});
  for (uint32_t number = 0; number < size(); ++number) {
    const uint64_t hash = hash_of(text(number), places_[number]);
    slots_[slot_of(text(number), places_[number], hash)] = {number, tag_of(hash)};
  }
}

uint32_t TextSet::add_slowly(std::string_view fresh) {
  if (is_crowded()) grow();
  Place place = fresh.size() <= kShort ? short_place(fresh) : Place{};
  const uint64_t hash = hash_of(fresh, place);
  Slot& slot = slots_[slot_of(fresh, place, hash)];
  if (slot.number != kNone) return slot.number;
  if (fresh.size() > kShort) {
    if (pieces_.empty() || piece_used_ + fresh.size() > piece_size_) {
      piece_size_ = std::max<size_t>(fresh.size(), std::clamp<size_t>(size_t(memory_), 4096, size_t{1} << 20));
      pieces_.push_back(std::make_unique_for_overwrite<char[]>(piece_size_));
      memory_ += int64_t(piece_size_);
      piece_used_ = 0;
    }
    std::memcpy(pieces_.back().get() + piece_used_, fresh.data(), fresh.size());
    place = {uint64_t(pieces_.size() - 1) << 32 | piece_used_, 0, uint32_t(fresh.size())};
    piece_used_ += fresh.size();
  }
  slot = {size(), tag_of(hash)};
  places_.push_back(place);
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

namespace {

/// A worker's part of a column.
struct Encoding {
  TextSet names;
  std::vector<int64_t> first_rows;  // of each name
};

/// The names of all workers by their first row, and the number there of each worker's names.
std::vector<std::string> join_names(const std::vector<Encoding>& workers, std::vector<std::vector<int32_t>>* places) {
  struct Arrival {
    int64_t row;
    size_t worker;
    uint32_t name;
  };
  std::vector<Arrival> arrivals;
  for (size_t w = 0; w < workers.size(); ++w) {
    for (uint32_t i = 0; i < workers[w].names.size(); ++i) arrivals.push_back({workers[w].first_rows[i], w, i});
    places->emplace_back(workers[w].names.size());
  }
  std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) { return a.row < b.row; });
  TextSet joined;
  std::vector<std::string> out;
  for (const Arrival& arrival : arrivals) {
    const std::string_view name = workers[arrival.worker].names.text(arrival.name);
    const uint32_t place = joined.add(name);
    if (place == out.size()) out.emplace_back(name);
    (*places)[arrival.worker][arrival.name] = int32_t(place);
  }
  return out;
}

bool is_identity(const std::vector<int32_t>& places) {
  for (size_t i = 0; i < places.size(); ++i)
    if (places[i] != int32_t(i)) return false;
  return true;
}

}  // namespace

std::optional<Column> encode_text(const Column& column, size_t most_names, exec::Pool& pool) {
  constexpr int64_t kRows = 16'384;
  const int64_t rows = column.length, blocks = (rows + kRows - 1) / kRows;
  const std::shared_ptr<int32_t[]> codes(new int32_t[size_t(std::max<int64_t>(rows, 1))]);
  std::vector<Encoding> workers(size_t(pool.workers()));
  std::vector<int> worker_of(static_cast<size_t>(blocks));
  std::atomic<bool> too_many = false;
  pool.run(blocks, [&](int64_t block, int worker) {
    if (too_many) return;
    Encoding& mine = workers[size_t(worker)];
    worker_of[size_t(block)] = worker;
    const int64_t begin = block * kRows;
    int32_t* const to = codes.get();
    uint32_t known = mine.names.size();
    const auto add = [&](int64_t row, uint32_t name) {
      if (name == known) mine.first_rows.push_back(row), ++known;
      to[row] = int32_t(name);
    };
    add_texts(column, begin, std::min(kRows, rows - begin), &mine.names, add, [&](int64_t row) { to[row] = 0; });
    if (mine.names.size() > most_names) too_many = true;
  });
  if (too_many) return std::nullopt;
  std::vector<std::vector<int32_t>> places;
  const std::vector<std::string> names = join_names(workers, &places);
  if (names.size() > most_names) return std::nullopt;
  for (std::vector<int32_t>& place : places)
    if (is_identity(place)) place.clear();
  pool.run(blocks, [&](int64_t block, int) {
    const std::vector<int32_t>& place = places[size_t(worker_of[size_t(block)])];
    if (place.empty()) return;
    for (int64_t row = block * kRows; row < std::min(rows, (block + 1) * kRows); ++row)
      if (!column.is_null(row)) codes[row] = place[size_t(codes[row])];
  });
  Column out;
  out.dtype = Dtype::category, out.length = rows, out.validity = column.validity;
  out.values = {codes, reinterpret_cast<const uint8_t*>(codes.get()), size_t(rows) * sizeof(int32_t)};
  out.dictionary = std::make_shared<const Column>(make_text_column(names));
  return out;
}

}  // namespace hayate::aggregate
