#include "io/npy_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace hayate::io {
namespace {

struct NumpyType {
  Dtype dtype;
  std::string_view name;  ///< as NumPy writes it on a little-endian machine
};
constexpr NumpyType kTypes[] = {
    {Dtype::boolean, "|b1"}, {Dtype::int8, "|i1"},   {Dtype::int16, "<i2"},  {Dtype::int32, "<i4"},   {Dtype::int64, "<i8"},   {Dtype::uint8, "|u1"},
    {Dtype::uint16, "<u2"},  {Dtype::uint32, "<u4"}, {Dtype::uint64, "<u8"}, {Dtype::float32, "<f4"}, {Dtype::float64, "<f8"},
};

/// The text behind 'key': in the Python dict of a header, up to the next comma outside brackets.
std::string_view value_of(std::string_view dict, std::string_view key) {
  const size_t at = dict.find(fmt::format("'{}':", key));
  if (at == std::string_view::npos) return {};
  const std::string_view rest = dict.substr(at + key.size() + 3);
  int depth = 0;
  for (size_t i = 0; i < rest.size(); ++i) {
    depth += (rest[i] == '(' || rest[i] == '[') - (rest[i] == ')' || rest[i] == ']');
    if (depth == 0 && (rest[i] == ',' || rest[i] == '}')) return trim(rest.substr(0, i));
  }
  return {};
}

bool read_shape(std::string_view text, std::vector<size_t>* shape) {
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return false;
  for (const std::string& part : split(text.substr(1, text.size() - 2), ',')) {
    if (trim(part).empty()) continue;
    const auto size = parse_integer(trim(part));
    if (!size || *size < 0) return false;
    shape->push_back(size_t(*size));
  }
  return shape->size() <= 2;
}

}  // namespace

const char* parse_npy_header(std::string_view bytes, NpyHeader* out) {
  if (!bytes.starts_with("\x93NUMPY") || bytes.size() < 12) return "no NumPy file";
  const auto byte = [&](size_t at) { return size_t(uint8_t(bytes[at])); };
  const size_t begin = byte(6) == 1 ? 10 : 12;
  const size_t length = byte(8) | byte(9) << 8 | (begin == 12 ? byte(10) << 16 | byte(11) << 24 : 0);
  if (byte(6) < 1 || byte(6) > 3) return "a version of .npy that is not known";
  if (length > bytes.size() - begin) return "the file is cut off";
  out->size = begin + length;
  const std::string_view dict = bytes.substr(begin, length);
  const std::string_view type = value_of(dict, "descr"), order = value_of(dict, "fortran_order");
  out->big_endian = type.starts_with("'>");
  const std::string little = out->big_endian ? fmt::format("'<{}", type.substr(2)) : std::string(type);
  const auto found = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const NumpyType& t) { return little == fmt::format("'{}'", t.name); });
  if (found == std::end(kTypes) && little != "'<f2'") return "a NumPy array of another type than bool, integers or floats of 16, 32 or 64 bits";
  out->dtype = found == std::end(kTypes) ? Dtype::float32 : found->dtype;
  out->width = found == std::end(kTypes) ? 2 : std::max<size_t>(dtype_width(found->dtype), 1);
  out->fortran_order = order == "True";
  return read_shape(value_of(dict, "shape"), &out->shape) ? nullptr : "a NumPy array of more than two dimensions";
}

std::string make_npy_header(const NpyHeader& header) {
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const NumpyType& t) { return t.dtype == header.dtype; });
  std::string shape;
  for (const size_t size : header.shape) shape += fmt::format("{}, ", size);
  if (header.shape.size() > 1) shape.resize(shape.size() - 2);
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}", type->name, header.fortran_order ? "True" : "False", shape);
  dict.resize((10 + dict.size() + 1 + 63) / 64 * 64 - 10, ' ');
  dict.back() = '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += char(dict.size() & 255);
  out += char(dict.size() >> 8);
  return out + dict;
}

}  // namespace hayate::io
