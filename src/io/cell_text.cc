#include "io/cell_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace hayate::io {
namespace {

template <class T>
void append_integer(T value, std::string* out) {
  char text[24];
  out->append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

/// As Python prints floats: digits between 1e-4 and 1e16, an exponent outside.
template <class Float>
void append_float(Float value, std::string* out) {
  char text[48];
  const Float size = std::fabs(value);
  const bool plain = size == 0 || (size >= Float(1e-4) && size < Float(1e16)) || !std::isfinite(value);
  const auto end = std::to_chars(text, text + sizeof text, value, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  out->append(text, end);
  if (plain && std::isfinite(value) && !std::memchr(text, '.', size_t(end - text))) out->append(".0");
}

}  // namespace

bool is_missing_cell(const Column& column, int64_t row) {
  if (column.is_null(row)) return true;
  if (column.dtype == Dtype::float64) return std::isnan(column.as<double>()[size_t(row)]);
  return column.dtype == Dtype::float32 && std::isnan(column.as<float>()[size_t(row)]);
}

int64_t integer_cell(const Column& column, int64_t row) {
  const size_t at = size_t(row);
  switch (column.dtype) {
    case Dtype::boolean:
      return column.values.data[row >> 3] >> (row & 7) & 1;
    case Dtype::int8:
      return column.as<int8_t>()[at];
    case Dtype::int16:
      return column.as<int16_t>()[at];
    case Dtype::int32:
    case Dtype::date:
      return column.as<int32_t>()[at];
    case Dtype::uint8:
      return column.as<uint8_t>()[at];
    case Dtype::uint16:
      return column.as<uint16_t>()[at];
    case Dtype::uint32:
      return column.as<uint32_t>()[at];
    case Dtype::int64:
    case Dtype::uint64:
    case Dtype::timestamp:
      return column.as<int64_t>()[at];
    default:
      assert(false && "no integer");
      return 0;
  }
}

void append_cell_text(const Column& column, int64_t row, std::string* out) {
  switch (column.dtype) {
    case Dtype::float32:
      return append_float(column.as<float>()[size_t(row)], out);
    case Dtype::float64:
      return append_float(column.as<double>()[size_t(row)], out);
    case Dtype::boolean:
      out->append(integer_cell(column, row) ? "true" : "false");
      return;
    case Dtype::date:
      out->append(format_date(column.as<int32_t>()[size_t(row)]));
      return;
    case Dtype::timestamp:
      out->append(format_timestamp(column.as<int64_t>()[size_t(row)], column.zone));
      return;
    case Dtype::uint64:
      return append_integer(column.as<uint64_t>()[size_t(row)], out);
    default:
      return append_integer(integer_cell(column, row), out);
  }
}

}  // namespace hayate::io
