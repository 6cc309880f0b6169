// NumPy's .npy: a magic, a version, a Python dict as text, then the values. Format: numpy.lib.format, versions 1 to 3.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "io/formats.h"
#include "io/npy_header.h"

namespace hayate::io {
namespace {

constexpr const char* kHint = "save a plain array of numbers with numpy.save";

/// Value `row` of a field: `bytes` + row * stride, of the width of `dtype`, as a column of its own.
Column strided(Dtype dtype, const uint8_t* bytes, size_t stride, size_t rows) {
  Column out;
  out.dtype = dtype, out.length = int64_t(rows);
  if (dtype == Dtype::boolean) {
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | (bytes[row * stride] != 0) << (row & 7));
    out.values = make_buffer(std::move(bits));
    return out;
  }
  const size_t width = dtype_width(dtype);
  std::vector<uint8_t> values(rows * width);
  for (size_t row = 0; row < rows; ++row) std::memcpy(values.data() + row * width, bytes + row * stride, width);
  out.values = make_buffer(std::move(values));
  return out;
}

}  // namespace

Result<Table> parse_npy(const Buffer& bytes, const std::string& path, const ReadOptions& options) {
  NpyHeader header;
  if (const char* problem = parse_npy_header({reinterpret_cast<const char*>(bytes.data), bytes.size}, &header))
    return input_error(problem, path, kHint);
  const size_t rows = header.shape.empty() ? 1 : header.shape[0], width = dtype_width(header.dtype) ? dtype_width(header.dtype) : 1;
  const size_t num_columns = header.shape.size() == 2 ? header.shape[1] : 1;
  const size_t have = (bytes.size - header.size) / width;
  if (num_columns == 0) return input_error("the array has no columns", path, kHint);
  if (rows > have / num_columns)
    return input_error("the file is cut off: it holds fewer values than its header says", path, "save or download the file again");
  std::vector<std::string> names;
  for (size_t column = 0; column < num_columns; ++column) names.push_back(std::to_string(column));
  Table out;
  for (const std::string& name : options.columns.empty() ? names : options.columns) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return unknown_name("column", name, names, path);
    const size_t column = size_t(found - names.begin());
    const size_t begin = header.fortran_order ? column * rows : column, stride = header.fortran_order ? 1 : num_columns;
    out.add(name, strided(header.dtype, bytes.data + header.size + begin * width, stride * width, rows));
  }
  return out;
}

}  // namespace hayate::io
