#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <unordered_map>

#include "base/strings.h"
#include "hayate/table.h"

namespace hayate {
namespace {

bool is_signed(Dtype dtype) { return dtype >= Dtype::int8 && dtype <= Dtype::int64; }
bool is_float(Dtype dtype) { return dtype == Dtype::float32 || dtype == Dtype::float64; }

/// Two integer types: the wider one, or the next signed one above an unsigned.
Dtype widen_integers(Dtype a, Dtype b) {
  if (is_signed(a) == is_signed(b)) return std::max(a, b);
  const Dtype with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  if (without == Dtype::uint64) return Dtype::float64;
  const Dtype above = Dtype(int(without) - int(Dtype::uint8) + int(Dtype::int16));
  return std::max(with_sign, above);
}

bool has_values(const Column& column) { return column.count_nulls() < column.length; }

std::vector<uint8_t> all_set(int64_t rows) { return std::vector<uint8_t>(size_t(rows + 7) / 8, 0xFF); }

void clear_bit(std::vector<uint8_t>& bits, int64_t row) { bits[size_t(row >> 3)] = uint8_t(bits[size_t(row >> 3)] & ~(1 << (row & 7))); }

/// Bits of `validity` below one another; empty when no part has nulls. A part without any value counts as all null.
Buffer join_validity(std::span<const Column> parts, int64_t rows) {
  bool any = false;
  for (const Column& part : parts) any |= part.validity.data != nullptr;
  if (!any) return {};
  std::vector<uint8_t> bits = all_set(rows);
  int64_t base = 0;
  for (const Column& part : parts) {
    if (part.validity.data)
      for (int64_t row = 0; row < part.length; ++row)
        if (part.is_null(row)) clear_bit(bits, base + row);
    base += part.length;
  }
  return make_buffer(std::move(bits));
}

Buffer join_bits(std::span<const Column> parts, int64_t rows) {
  std::vector<uint8_t> bits(size_t(rows + 7) / 8, 0);
  int64_t base = 0;
  for (const Column& part : parts) {
    if (part.dtype == Dtype::boolean)
      for (int64_t row = 0; row < part.length; ++row)
        if (part.values.data[row >> 3] >> (row & 7) & 1) bits[size_t((base + row) >> 3)] |= uint8_t(1 << ((base + row) & 7));
    base += part.length;
  }
  return make_buffer(std::move(bits));
}

/// Calls visit with a value of the C++ type of a fixed-width dtype.
template <class Visitor>
void with_type(Dtype dtype, Visitor&& visit) {
  switch (dtype) {
    case Dtype::int8:
      return visit(int8_t{});
    case Dtype::int16:
      return visit(int16_t{});
    case Dtype::int32:
    case Dtype::date:
      return visit(int32_t{});
    case Dtype::int64:
    case Dtype::timestamp:
      return visit(int64_t{});
    case Dtype::uint8:
      return visit(uint8_t{});
    case Dtype::uint16:
      return visit(uint16_t{});
    case Dtype::uint32:
      return visit(uint32_t{});
    case Dtype::uint64:
      return visit(uint64_t{});
    case Dtype::float32:
      return visit(float{});
    case Dtype::float64:
      return visit(double{});
    case Dtype::boolean:
    case Dtype::text:
    case Dtype::category:
      assert(false && "no fixed-width numbers");
  }
}

template <class To>
void copy_converted(const Column& part, Dtype to, To* out) {
  with_type(part.dtype, [&](auto sample) {
    using From = decltype(sample);
    const std::span<const From> from = part.as<From>();
    const bool days_to_microseconds = part.dtype == Dtype::date && to == Dtype::timestamp;
    for (size_t row = 0; row < from.size(); ++row) {
      out[row] = days_to_microseconds ? To(int64_t(from[row]) * kMicrosecondsPerDay) : To(from[row]);
      if constexpr (std::is_floating_point_v<To>)
        if (part.is_null(int64_t(row))) out[row] = std::numeric_limits<To>::quiet_NaN();
    }
  });
}

Buffer join_fixed(std::span<const Column> parts, Dtype dtype, int64_t rows) {
  Buffer out;
  with_type(dtype, [&](auto sample) {
    using To = decltype(sample);
    const std::shared_ptr<To[]> values(new To[size_t(rows)]);  // not cleared: a second time through memory that may be large
    To* at = values.get();
    for (const Column& part : parts) {
      if (part.dtype == dtype && part.values.size > 0) {
        std::memcpy(at, part.values.data, size_t(part.length) * sizeof(To));
      } else if (has_values(part)) {
        copy_converted(part, dtype, at);
      } else if constexpr (std::is_floating_point_v<To>) {
        std::fill(at, at + part.length, std::numeric_limits<To>::quiet_NaN());
      } else {
        std::fill(at, at + part.length, To{});
      }
      at += part.length;
    }
    out = {values, reinterpret_cast<const uint8_t*>(values.get()), size_t(rows) * sizeof(To)};
  });
  return out;
}

/// Where the bytes of a text column without nulls begin and end: what is under a null is not copied.
std::span<const int64_t> dense_offsets(const Column& part) {
  if (part.dtype != Dtype::text || part.validity.data || part.length == 0) return {};
  return {reinterpret_cast<const int64_t*>(part.offsets.data), size_t(part.length) + 1};
}

size_t text_bytes(const Column& part) {
  if (const auto offsets = dense_offsets(part); !offsets.empty()) return size_t(offsets.back() - offsets[0]);
  size_t size = 0;
  if (part.dtype == Dtype::text || part.dtype == Dtype::category)
    for (int64_t row = 0; row < part.length; ++row) size += part.text(row).size();
  return size;
}

void join_text(std::span<const Column> parts, Column* out) {
  std::vector<int64_t> offsets = {0};
  offsets.reserve(size_t(out->length) + 1);
  size_t size = 0;
  for (const Column& part : parts) size += text_bytes(part);
  std::vector<char> bytes;
  bytes.reserve(size);
  for (const Column& part : parts) {
    if (const auto from = dense_offsets(part); !from.empty()) {
      const int64_t shift = int64_t(bytes.size()) - from[0];
      const char* const text = reinterpret_cast<const char*>(part.values.data);
      if (from.back() > from[0]) bytes.insert(bytes.end(), text + from[0], text + from.back());
      for (size_t i = 1; i < from.size(); ++i) offsets.push_back(from[i] + shift);
      continue;
    }
    const bool has_text = part.dtype == Dtype::text || part.dtype == Dtype::category;
    for (int64_t row = 0; row < part.length; ++row) {
      const std::string_view text = has_text ? part.text(row) : std::string_view();
      bytes.insert(bytes.end(), text.begin(), text.end());
      offsets.push_back(int64_t(bytes.size()));
    }
  }
  out->values = make_buffer(std::move(bytes));
  out->offsets = make_buffer(std::move(offsets));
}

/// Categories with one dictionary keep it; others get the union, names in order of appearance in the dictionaries.
void join_categories(std::span<const Column> parts, Column* out) {
  bool same = true;
  for (const Column& part : parts) {
    if (part.dtype != Dtype::category) continue;
    if (!out->dictionary) out->dictionary = part.dictionary;
    same &= out->dictionary == part.dictionary;
  }
  std::unordered_map<std::string_view, int32_t> code_of;
  std::vector<std::string> names;
  std::vector<int32_t> codes;
  codes.reserve(size_t(out->length));
  for (const Column& part : parts) {
    if (part.dtype != Dtype::category) {
      codes.resize(codes.size() + size_t(part.length), 0);
      continue;
    }
    std::vector<int32_t> place;
    for (int64_t i = 0; !same && i < part.dictionary->length; ++i) {
      const auto [at, fresh] = code_of.try_emplace(part.dictionary->text(i), int32_t(names.size()));
      if (fresh) names.emplace_back(part.dictionary->text(i));
      place.push_back(at->second);
    }
    const auto from = part.as<int32_t>();
    for (int64_t row = 0; row < part.length; ++row)
      codes.push_back(part.is_null(row) ? 0 : same ? from[size_t(row)] : place[size_t(from[size_t(row)])]);
  }
  out->values = make_buffer(std::move(codes));
  if (!same) out->dictionary = std::make_shared<const Column>(make_text_column(names));
}

/// The dtype (and zone) of all parts together; the parts without any value have no say. Returns the index of the part
/// that does not mix with those before it, or parts.size().
size_t common_type(std::span<const Column> parts, Column* out) {
  bool found = false;
  out->dtype = parts[0].dtype, out->zone = parts[0].zone, out->file_width = parts[0].file_width;
  for (const Column& part : parts)
    if (part.file_width != out->file_width || part.dtype != out->dtype) out->file_width = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!has_values(parts[i])) continue;
    if (!found) {
      out->dtype = parts[i].dtype, out->zone = parts[i].zone;
    } else {
      const bool both_times = out->dtype == Dtype::timestamp && parts[i].dtype == Dtype::timestamp;
      if (both_times && out->zone.empty() != parts[i].zone.empty()) return i;
      if (both_times && out->zone != parts[i].zone) out->zone = "UTC";
      if (out->dtype == Dtype::date && parts[i].dtype == Dtype::timestamp) out->zone = parts[i].zone;
      if (!widen(out->dtype, parts[i].dtype, &out->dtype)) return i;
    }
    found = true;
  }
  return parts.size();
}

std::string type_text(const Column& column) {
  return column.zone.empty() ? dtype_name(column.dtype) : fmt::format("{} in {}", dtype_name(column.dtype), column.zone);
}

}  // namespace

bool widen(Dtype a, Dtype b, Dtype* out) {
  const auto either = [&](Dtype x, Dtype y) { return (a == x && b == y) || (a == y && b == x); };
  if (a == b) return *out = a, true;
  if (is_integer(a) && is_integer(b)) return *out = widen_integers(a, b), true;
  if ((is_integer(a) || is_float(a)) && (is_integer(b) || is_float(b))) return *out = Dtype::float64, true;
  if (either(Dtype::date, Dtype::timestamp)) return *out = Dtype::timestamp, true;
  if (either(Dtype::text, Dtype::category)) return *out = Dtype::text, true;
  return false;
}

namespace {
/// Fills a column whose dtype and zone are settled.
void join_parts(std::span<const Column> parts, Column* out) {
  for (const Column& part : parts) out->length += part.length;
  out->validity = join_validity(parts, out->length);
  if (out->dtype == Dtype::boolean)
    out->values = join_bits(parts, out->length);
  else if (out->dtype == Dtype::text)
    join_text(parts, out);
  else if (out->dtype == Dtype::category)
    join_categories(parts, out);
  else
    out->values = join_fixed(parts, out->dtype, out->length);
}
}  // namespace

Column widened(const Column& column, Dtype to, const std::string& zone) {
  Column out = column;
  if (column.dtype == to) return out.zone = zone, out;
  out = {};
  out.dtype = to, out.zone = zone;
  join_parts({&column, 1}, &out);
  if (to == Dtype::category && !out.dictionary) out.dictionary = std::make_shared<const Column>(make_text_column({}));
  return out;
}

bool concatenate(std::span<const Column> parts, Column* out) {
  assert(!parts.empty());
  if (parts.size() == 1) return *out = parts[0], true;
  Column joined;
  if (common_type(parts, &joined) < parts.size()) return false;
  join_parts(parts, &joined);
  *out = std::move(joined);
  return true;
}

/// Column `c` of another table: most have it at the same place, and a search for each of a million would never end.
const Column* same_column(const Table& table, size_t c, const std::string& name) {
  return c < table.num_columns() && table.names[c] == name ? &table.columns[c] : table.find(name);
}

Result<Table> concatenate(std::span<const Table> tables, std::span<const std::string> sources) {
  assert(!tables.empty() && tables.size() == sources.size());
  const Table& first = tables[0];
  constexpr const char* kSameColumns = "files read as one table need the same columns";
  for (size_t t = 1; t < tables.size(); ++t) {
    for (size_t c = 0; c < tables[t].num_columns(); ++c)
      if (const std::string& name = tables[t].names[c]; !same_column(first, c, name))
        return input_error(fmt::format("column '{}' is not in {}", name, sources[0]), sources[t], kSameColumns);
    for (size_t c = 0; c < first.num_columns(); ++c)
      if (const std::string& name = first.names[c]; !same_column(tables[t], c, name))
        return input_error(fmt::format("no column '{}', which {} has", name, sources[0]), sources[t], kSameColumns);
  }
  Table out;
  for (size_t c = 0; c < first.num_columns(); ++c) {
    const std::string& name = first.names[c];
    std::vector<Column> parts;
    for (const Table& table : tables) parts.push_back(*same_column(table, c, name));
    Column joined;
    if (!concatenate(parts, &joined)) {
      const size_t culprit = common_type(parts, &joined);
      return input_error(fmt::format("column '{}' is {} here and {} in the files before it", name, type_text(parts[culprit]), type_text(joined)),
                         sources[culprit], "give the column one type in all files");
    }
    out.add(name, std::move(joined));
  }
  return out;
}

}  // namespace hayate
