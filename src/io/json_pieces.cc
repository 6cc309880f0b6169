#include "io/json_pieces.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <limits>

#include "io/csv_value.h"
#include "io/large_memory.h"

namespace hayate::io {
namespace {

constexpr double kSpare = 1.5;  // more room than the first piece asks for; what is not used is never touched

/// Large memory is pages that come when they are written.
std::shared_ptr<void> room(size_t size) {
  constexpr size_t kPage = size_t{2} << 20;
  return size < 2 * kPage ? allocate_large(size) : reserve_large((size + kPage - 1) / kPage * kPage);
}

JsonShape shape_of(Dtype dtype) {
  if (dtype == Dtype::text) return JsonShape::text;
  return dtype == Dtype::boolean || dtype == Dtype::date ? JsonShape::small : JsonShape::slots;
}

Buffer buffer_of(const std::shared_ptr<void>& memory, size_t size) { return {memory, static_cast<const uint8_t*>(memory.get()), size}; }

}  // namespace

bool JsonPieces::add(size_t index, JsonPiece piece, size_t bytes) {
  std::vector<Place> places;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return false;
    rows_of_a_piece_.store(size_t(piece.rows), std::memory_order_relaxed);
    early_.emplace(index, std::pair(std::move(piece), bytes));
    for (auto found = early_.find(next_); found != early_.end(); found = early_.find(next_)) {
      auto [now, now_bytes] = std::move(found->second);
      early_.erase(found);
      ++next_;
      if (now.rows == 0) continue;
      if (!(has_room_ || make_room(now, now_bytes)) || !place(std::move(now), &places)) return failed_ = true, false;
    }
  }
  for (const Place& place : places) copy(place);
  return true;
}

bool JsonPieces::make_room(const JsonPiece& first, size_t bytes) {
  const double growth = kSpare * double(bytes_) / double(std::max<size_t>(bytes, 1));
  room_ = int64_t(double(first.rows) * growth) + 1024, text_growth_ = growth, has_room_ = true;
  return double(room_) * double(first.table.num_columns()) * sizeof(uint64_t) < double(limit_bytes_);
}

JsonPieces::Stacked& JsonPieces::column_of(const std::string& name) {
  const auto [at, fresh] = index_of_.try_emplace(name, columns_.size());
  if (fresh) names_.push_back(name), columns_.emplace_back();
  return columns_[at->second];
}

bool JsonPieces::place(JsonPiece piece, std::vector<Place>* places) {
  if (rows_ + piece.rows > room_) return false;
  for (size_t i = 0; i < piece.table.num_columns(); ++i)
    if (!place_column(std::move(piece.table.columns[i]), piece.kinds[i], &column_of(piece.table.names[i]), places)) return false;
  rows_ += piece.rows;
  return columns_.size() <= kMostColumns && double(rows_) * double(columns_.size()) * sizeof(uint64_t) < double(limit_bytes_);
}

bool JsonPieces::place_column(Column column, const JsonKinds& kinds, Stacked* to, std::vector<Place>* places) {
  Part part = {.begin = rows_, .rows = column.length, .begin_byte = to->text_size, .column = {}, .empty = kinds.cells == 0};
  to->kinds.join(kinds);
  const JsonShape shape = part.empty ? JsonShape::none : shape_of(column.dtype);
  if (to->shape == JsonShape::none) to->shape = shape;
  if (shape != JsonShape::none && shape != to->shape) return false;
  if (shape == JsonShape::slots || shape == JsonShape::text) {
    if (!to->values) {
      to->values = room(size_t(room_ + 1) * sizeof(uint64_t));
      if (!to->values) return false;
      static_cast<uint64_t*>(to->values.get())[0] = 0;
    }
    Place place = {.from = column, .values = static_cast<uint64_t*>(to->values.get()) + part.begin};
    if (shape == JsonShape::text) {
      const int64_t size = int64_t(column.values.size);
      if (!to->text) {
        to->text_room = int64_t(text_growth_ * double(size)) + 65536;
        if (to->text_room > limit_bytes_ || !(to->text = room(size_t(to->text_room)))) return false;
      }
      if (to->text_size + size > to->text_room) return false;
      place.text = static_cast<char*>(to->text.get()) + to->text_size, place.begin_byte = to->text_size;
      to->text_size += size;
    }
    column.values = {}, column.offsets = {};  // it is `place` that keeps them until they are copied
    places->push_back(std::move(place));
  }
  part.column = std::move(column);
  to->parts.push_back(std::move(part));
  return true;
}

void JsonPieces::copy(const Place& place) {
  const size_t rows = size_t(place.from.length);
  if (!place.text) return void(std::memcpy(place.values, place.from.values.data, rows * sizeof(uint64_t)));
  const auto* const ends = reinterpret_cast<const int64_t*>(place.from.offsets.data) + 1;
  for (size_t row = 0; row < rows; ++row) place.values[row + 1] = uint64_t(ends[row] + place.begin_byte);
  if (place.from.values.size > 0) std::memcpy(place.text, place.from.values.data, place.from.values.size);
}

/// Whether values of the parts can become `dtype` where they stand.
bool JsonPieces::fits(const Stacked& column, Dtype dtype) const {
  return std::all_of(column.parts.begin(), column.parts.end(), [&](const Part& part) {
    const Dtype own = part.column.dtype;
    if (part.empty || own == dtype) return true;
    return (dtype == Dtype::float64 && (own == Dtype::int64 || own == Dtype::uint64)) || (dtype == Dtype::uint64 && own == Dtype::int64);
  });
}

std::optional<Table> JsonPieces::finish(const std::vector<std::string>& wanted, exec::Pool* pool) {
  if (failed_ || rows_ == 0 || !early_.empty()) return std::nullopt;
  Table out;
  for (const std::string& name : wanted.empty() ? names_ : wanted) {
    const auto found = index_of_.find(name);
    if (found == index_of_.end() || out.find(name)) return std::nullopt;
    const Stacked& column = columns_[found->second];
    if (!fits(column, column.kinds.dtype())) return std::nullopt;
    out.add(name, {});
  }
  exec::run_all(int64_t(out.num_columns()), pool,
                [&](int64_t i) { out.columns[size_t(i)] = finish_column(columns_[index_of_.at(out.names[size_t(i)])]); });
  return out;
}

Buffer JsonPieces::validity(const Stacked& column) const {
  const bool all = std::all_of(column.parts.begin(), column.parts.end(), [](const Part& part) { return !part.empty && !part.column.validity.data; });
  if (all) return {};
  std::vector<uint8_t> bits(size_t(rows_ + 7) / 8, 0);
  for (const Part& part : column.parts)
    for (int64_t row = 0; row < part.rows && !part.empty; ++row)
      bits[size_t((part.begin + row) >> 3)] |= uint8_t(!part.column.is_null(row) << ((part.begin + row) & 7));
  return make_buffer(std::move(bits));
}

/// Truth values and dates, which are few bytes.
Column JsonPieces::kept(const Stacked& column) const {
  std::vector<Column> parts;
  for (const Part& part : column.parts) parts.push_back(part.column);
  Column out;
  [[maybe_unused]] const bool same = concatenate(parts, &out);
  assert(same);
  return out;
}

Column JsonPieces::finish_column(Stacked& column) const {
  // Rows of pieces that do not have the column at all count as parts without a value.
  std::vector<Part> parts;
  const auto fill_up_to = [&](int64_t row, int64_t byte) {
    const int64_t begin = parts.empty() ? 0 : parts.back().begin + parts.back().rows;
    if (begin < row)
      parts.push_back({.begin = begin, .rows = row - begin, .begin_byte = byte, .column = JsonColumn("").finish(size_t(row - begin), {})});
  };
  for (Part& part : column.parts) {
    fill_up_to(part.begin, part.begin_byte);
    parts.push_back(std::move(part));
  }
  fill_up_to(rows_, column.text_size);
  column.parts = std::move(parts);

  Column out;
  out.dtype = column.kinds.dtype(), out.length = rows_;
  if (!column.values) return kept(column);
  out.validity = validity(column);
  if (out.dtype == Dtype::timestamp && (column.kinds.dates & kSeenZonedTime)) out.zone = "UTC";
  auto* const slots = static_cast<uint64_t*>(column.values.get());
  if (out.dtype == Dtype::text) {
    for (const Part& part : column.parts)
      if (part.empty) std::fill_n(slots + 1 + part.begin, part.rows, uint64_t(part.begin_byte));
    out.offsets = buffer_of(column.values, size_t(rows_ + 1) * sizeof(uint64_t));
    out.values = buffer_of(column.text, size_t(column.text_size));
    return out;
  }
  const double none = out.dtype == Dtype::float64 ? std::numeric_limits<double>::quiet_NaN() : 0;
  for (const Part& part : column.parts) {
    uint64_t* const own = slots + part.begin;
    if (part.empty) {
      std::fill_n(own, part.rows, std::bit_cast<uint64_t>(none));
    } else if (out.dtype == Dtype::float64 && part.column.dtype != Dtype::float64) {
      const bool is_unsigned = part.column.dtype == Dtype::uint64;
      for (int64_t row = 0; row < part.rows; ++row) {
        const double value = part.column.is_null(row) ? none : is_unsigned ? double(own[row]) : double(int64_t(own[row]));
        own[row] = std::bit_cast<uint64_t>(value);
      }
    }
  }
  out.values = buffer_of(column.values, size_t(rows_) * sizeof(uint64_t));
  return out;
}

}  // namespace hayate::io
