#include "io/retype.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <unordered_map>

#include "io/cell_text.h"
#include "io/csv_value.h"

namespace hayate::io {
namespace {

template <class T>
Buffer narrowed(std::span<const int64_t> slots) {
  std::vector<T> out(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) out[i] = T(slots[i]);
  return make_buffer(std::move(out));
}

Buffer singles(std::span<const int64_t> slots) {
  std::vector<float> out(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    double real;
    std::memcpy(&real, &slots[i], sizeof real);
    out[i] = float(real);
  }
  return make_buffer(std::move(out));
}

Buffer bits_of_slots(std::span<const int64_t> slots) {
  std::vector<uint8_t> bits((slots.size() + 7) / 8, 0);
  for (size_t row = 0; row < slots.size(); ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | slots[row] << (row & 7));
  return make_buffer(std::move(bits));
}

CsvValue value_of_integer(int64_t value, bool is_unsigned) {
  if (is_unsigned && value < 0) return {kSeenUnsigned, value, double(uint64_t(value))};
  return {value < 0 ? kSeenNegative : kSeenInteger, value, double(value)};
}

/// A cell that is not missing as what a CSV file would say, on its way to a column of `to`.
CsvValue value_of_cell(const Column& column, int64_t row, Dtype to, const CsvRules& rules) {
  constexpr int64_t kDay = 86'400'000'000;
  const bool to_time = to == Dtype::date || to == Dtype::timestamp;
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return read_value(column.text(row), rules);
  if (column.dtype == Dtype::float32 || column.dtype == Dtype::float64) return {kSeenPoint, 0, column.number(row)};
  const int64_t value = integer_cell(column, row);
  if (column.dtype == Dtype::boolean)
    return {uint16_t(to == Dtype::boolean ? kSeenBoolean : to_time ? kSeenText : kSeenInteger), value, double(value)};
  if (column.dtype == Dtype::date) return {kSeenDate, value, 0};
  if (column.dtype == Dtype::timestamp && to == Dtype::date && value % kDay == 0) return {kSeenDate, value / kDay, 0};
  if (column.dtype == Dtype::timestamp) return {uint16_t(to == Dtype::date ? kSeenText : kSeenTime), value, 0};
  return to_time ? read_value(std::to_string(value), rules) : value_of_integer(value, column.dtype == Dtype::uint64);
}

std::string shown_cell(const Column& column, int64_t row) {
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return std::string(column.text(row).substr(0, 60));
  std::string out;
  append_cell_text(column, row, &out);
  return out;
}

Column as_text(const Column& column) {
  std::string bytes;
  std::vector<int64_t> offsets = {0};
  for (int64_t row = 0; row < column.length; ++row) {
    if (!is_missing_cell(column, row)) {
      if (column.dtype == Dtype::category)
        bytes += column.text(row);
      else
        append_cell_text(column, row, &bytes);
    }
    offsets.push_back(int64_t(bytes.size()));
  }
  Column out;
  out.dtype = Dtype::text, out.length = column.length;
  out.values = make_buffer(std::vector<char>(bytes.begin(), bytes.end()));
  out.offsets = make_buffer(std::move(offsets));
  return out;
}

Buffer validity_of(const Column& column) {
  std::vector<uint8_t> bits(size_t(column.length + 7) / 8, 0xFF);
  bool any = false;
  for (int64_t row = 0; row < column.length; ++row)
    if (is_missing_cell(column, row)) any = true, bits[size_t(row) >> 3] = uint8_t(bits[size_t(row) >> 3] & ~(1 << (row & 7)));
  return any ? make_buffer(std::move(bits)) : Buffer{};
}

}  // namespace

Column column_of_slots(Dtype dtype, std::span<const int64_t> slots, Buffer validity, std::string zone) {
  Column out;
  out.dtype = dtype, out.length = int64_t(slots.size()), out.validity = std::move(validity), out.zone = std::move(zone);
  switch (dtype) {
    case Dtype::boolean:
      return out.values = bits_of_slots(slots), out;
    case Dtype::int8:
      return out.values = narrowed<int8_t>(slots), out;
    case Dtype::int16:
      return out.values = narrowed<int16_t>(slots), out;
    case Dtype::int32:
    case Dtype::date:
      return out.values = narrowed<int32_t>(slots), out;
    case Dtype::uint8:
      return out.values = narrowed<uint8_t>(slots), out;
    case Dtype::uint16:
      return out.values = narrowed<uint16_t>(slots), out;
    case Dtype::uint32:
      return out.values = narrowed<uint32_t>(slots), out;
    case Dtype::float32:
      return out.values = singles(slots), out;
    default:
      return out.values = narrowed<int64_t>(slots), out;
  }
}

Column categorized(const Column& text) {
  std::unordered_map<std::string_view, int32_t> code_of;
  std::vector<std::string> names;
  std::vector<int32_t> codes(size_t(text.length), 0);
  for (int64_t row = 0; row < text.length; ++row) {
    if (text.is_null(row)) continue;
    const auto [at, fresh] = code_of.try_emplace(text.text(row), int32_t(names.size()));
    if (fresh) names.emplace_back(at->first);
    codes[size_t(row)] = at->second;
  }
  Column out = make_category_column(std::move(codes), names);
  out.validity = text.validity;
  return out;
}

Result<Column> retyped(const Column& column, Dtype dtype, const std::string& name, const std::string& path) {
  if (column.dtype == dtype) return column;
  if (dtype == Dtype::text || dtype == Dtype::category) {
    Column text = column.dtype == Dtype::text ? column : as_text(column);
    text.validity = validity_of(column);
    return dtype == Dtype::text ? text : categorized(text);
  }
  const CsvRules rules = rules_for(dtype);
  const bool to_float = dtype == Dtype::float32 || dtype == Dtype::float64;
  std::vector<int64_t> slots(size_t(column.length), to_float ? bits_of(std::nan("")) : 0);
  std::vector<uint8_t> valid(size_t(column.length + 7) / 8, 0);
  uint16_t seen = 0;
  int64_t missing = 0;
  for (int64_t row = 0; row < column.length; ++row) {
    const CsvValue value = is_missing_cell(column, row) ? CsvValue{} : value_of_cell(column, row, dtype, rules);
    seen = uint16_t(seen | value.seen);
    if (value.seen == 0)
      ++missing;
    else if (!fit_value(value, dtype, &slots[size_t(row)]))
      return input_error(fmt::format("'{}' in column '{}' is no {}", shown_cell(column, row), name, dtype_name(dtype)),
                         fmt::format("{}: row {}", path, row + 1), "mend the value, or give the column another type in --types");
    else
      valid[size_t(row) >> 3] = uint8_t(valid[size_t(row) >> 3] | 1 << (row & 7));
  }
  const std::string zone = dtype != Dtype::timestamp ? "" : column.dtype == Dtype::timestamp ? column.zone : (seen & kSeenZonedTime) ? "UTC" : "";
  if (dtype == Dtype::timestamp && (seen & kSeenZonedTime) && (seen & ~kSeenZonedTime))
    return input_error(fmt::format("column '{}' holds times with and without a zone", name), path, "give it the type text");
  return column_of_slots(dtype, slots, missing ? make_buffer(std::move(valid)) : Buffer{}, zone);
}

Result<void> retype(const std::vector<NamedType>& types, const std::string& path, Table* table) {
  for (size_t c = 0; c < table->num_columns(); ++c)
    if (const Dtype* wanted = wanted_type(types, table->names[c])) {
      HY_TRY(table->columns[c], retyped(table->columns[c], *wanted, table->names[c], path));
    }
  return {};
}

}  // namespace hayate::io
