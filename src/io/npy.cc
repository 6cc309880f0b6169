// NumPy's .npy: a magic, a version, a Python dict as text, then the values. Format: numpy.lib.format, versions 1 to 3.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/strings.h"
#include "io/chunk_formats.h"
#include "io/formats.h"
#include "io/npy_header.h"

namespace hayate::io {
namespace {

constexpr const char* kHint = "save a plain array of numbers with numpy.save";

/// The float of 16 bits: a sign, 5 bits of exponent, 10 of fraction.
float half_float(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  const float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(float(fraction), -24)
                                     : std::ldexp(float(fraction + 1024), exponent - 25);
  return std::copysign(size, bits >> 15 ? -1.0f : 1.0f);
}

/// Value `row` of a field: `bytes` + row * stride, of the width and byte order of the header, as a column of its own.
Column strided(const NpyHeader& header, const uint8_t* bytes, size_t stride, size_t rows) {
  Column out;
  out.dtype = header.dtype, out.length = int64_t(rows);
  if (header.dtype == Dtype::boolean) {
    std::vector<uint8_t> bits((rows + 7) / 8, 0);
    for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | (bytes[row * stride] != 0) << (row & 7));
    out.values = make_buffer(std::move(bits));
    return out;
  }
  const size_t width = header.width;
  std::vector<uint8_t> values(rows * width);
  for (size_t row = 0; row < rows; ++row) {
    std::memcpy(values.data() + row * width, bytes + row * stride, width);
    if (header.big_endian) std::reverse(values.data() + row * width, values.data() + (row + 1) * width);
  }
  if (width < dtype_width(header.dtype)) {
    std::vector<float> wide(rows);
    for (size_t row = 0; row < rows; ++row) wide[row] = half_float(uint16_t(values[2 * row] | values[2 * row + 1] << 8));
    out.values = make_buffer(std::move(wide));
    return out;
  }
  out.values = make_buffer(std::move(values));
  return out;
}

/// Where the values of an array of `bytes` bytes stand, which begins with `head`.
struct NpyLayout {
  NpyHeader header;
  size_t rows = 0, columns = 0;
  std::vector<std::string> names;  // of the columns that are wanted
  std::vector<size_t> wanted;

  /// Bytes in front of value `row` of a column, and from there to the next row's.
  size_t place(size_t column, size_t row) const {
    return header.size + header.width * (header.fortran_order ? column * rows + row : row * columns + column);
  }
  size_t stride() const { return header.width * (header.fortran_order ? 1 : columns); }
};

Result<NpyLayout> npy_layout(std::string_view head, size_t bytes, const std::string& path, const ReadOptions& options) {
  NpyLayout out;
  if (const char* problem = parse_npy_header(head, &out.header)) return input_error(problem, path, kHint);
  const NpyHeader& header = out.header;
  out.rows = header.shape.empty() ? 1 : header.shape[0];
  out.columns = header.shape.size() == 2 ? header.shape[1] : 1;
  const size_t have = (bytes - header.size) / header.width;
  if (out.columns == 0) return input_error("the array has no columns", path, kHint);
  if (out.rows > have / out.columns)
    return input_error("the file is cut off: it holds fewer values than its header says", path, "save or download the file again");
  std::vector<std::string> names;
  for (size_t column = 0; column < out.columns; ++column) names.push_back(std::to_string(column));
  for (const std::string& name : options.columns.empty() ? names : options.columns) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return unknown_name("column", name, names, path);
    out.wanted.push_back(size_t(found - names.begin()));
    out.names.push_back(name);
  }
  return out;
}

/// Some rows at a time: of an array in row order as they stand, else column by column.
class NpyChunks final : public ChunkReader {
 public:
  NpyChunks(std::shared_ptr<const InputFile> file, std::string path, NpyLayout layout, size_t chunk_bytes, exec::Steps* steps)
      : file_(std::move(file)), path_(std::move(path)), layout_(std::move(layout)), steps_(steps) {
    if (steps) steps->add_input(file_->size());
    step_ = std::max<size_t>(1, chunk_bytes / (layout_.header.width * layout_.columns));
    for (const std::string& name : layout_.names) schema_.add(name, strided(layout_.header, nullptr, 1, 0));
  }
  const Table& schema() const override { return schema_; }

  Result<std::optional<Table>> next() override {
    const size_t count = std::min(step_, layout_.rows - at_), stride = layout_.stride();
    if (count == 0) return at_ = 0, std::optional<Table>();
    Table out;
    const bool by_column = layout_.header.fortran_order;
    if (!by_column) HY_CHECK(read(layout_.place(0, at_), count * stride));
    for (size_t i = 0; i < layout_.wanted.size(); ++i) {
      const size_t column = layout_.wanted[i];
      if (by_column) HY_CHECK(read(layout_.place(column, at_), count * stride));
      out.add(layout_.names[i], strided(layout_.header, bytes_.data() + (by_column ? 0 : column * layout_.header.width), stride, count));
    }
    at_ += count;
    if (steps_) steps_->read(int64_t(count * layout_.header.width * layout_.columns));
    return std::optional(std::move(out));
  }

 private:
  Result<void> read(size_t offset, size_t size) {
    bytes_.resize(size);
    HY_TRY(const size_t got, file_->read_at(int64_t(offset), bytes_.data(), size));
    if (got != size) return input_error("the file changed while it was read", path_, "read it again when nobody writes to it");
    return {};
  }

  std::shared_ptr<const InputFile> file_;
  const std::string path_;
  const NpyLayout layout_;
  exec::Steps* steps_;
  size_t step_ = 1, at_ = 0;
  std::vector<uint8_t> bytes_;
  Table schema_;
};

}  // namespace

Result<Table> parse_npy(const Buffer& bytes, const std::string& path, const ReadOptions& options) {
  HY_TRY(const NpyLayout layout, npy_layout({reinterpret_cast<const char*>(bytes.data), bytes.size}, bytes.size, path, options));
  Table out;
  for (size_t i = 0; i < layout.wanted.size(); ++i)
    out.add(layout.names[i], strided(layout.header, bytes.data + layout.place(layout.wanted[i], 0), layout.stride(), layout.rows));
  return out;
}

Result<std::unique_ptr<ChunkReader>> npy_chunks(std::shared_ptr<const InputFile> file, const std::string& path, const ReadOptions& options,
                                                size_t chunk_bytes) {
  constexpr size_t kMostHeader = size_t{1} << 20;
  std::string head(kMostHeader, '\0');
  HY_TRY(const size_t got, file->read_at(0, head.data(), head.size()));
  head.resize(got);
  HY_TRY(NpyLayout layout, npy_layout(head, size_t(file->size()), path, options));
  return std::unique_ptr<ChunkReader>(std::make_unique<NpyChunks>(std::move(file), path, std::move(layout), chunk_bytes, options.steps));
}

}  // namespace hayate::io
