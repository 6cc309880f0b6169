// pandas' two layouts.
//
// 'table': GROUP/table is one compound dataset, a row after a row: `index`, then a member for each block of columns of one
// type (values_block_0[n], or a member for a data column). The attribute MEMBER_kind lists the columns of a member,
// MEMBER_dtype says what integers mean (datetime64[us]), MEMBER_nan_rep what stands for missing text; non_index_axes has
// the columns in their order. Categories are codes, with the names in a table below GROUP/meta.
// 'fixed': GROUP/axis0 has the columns, blockK_items those of block K, blockK_values a rows x columns array. A block of text
// is a pickle there, and refused.
//
// Written is 'table' with a member for each column, without compression, as pandas does by default.
#include "io/hdf5.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "io/cell_text.h"
#include "io/csv_scan.h"
#include "io/pickle_text.h"
#include "io/row_spool.h"

#ifdef HAYATE_HDF5
#include "io/hdf5_library.h"

namespace hayate::io {
namespace {

constexpr const char* kHint = "write it with pandas to_hdf(path, key='data', format='table'), or as Parquet";

Error not_loaded(const std::string& path) {
  return input_error("HDF5 is not installed: " HAYATE_HDF5 " is missing", path, "install libhdf5, or use .parquet");
}

/// An identifier of the library and how it is closed.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

Handle type_handle(hid_t id) { return {id, H5Tclose}; }
Handle space_handle(hid_t id) { return {id, H5Sclose}; }

/// The bytes of a fixed-length or variable text attribute without trailing NULs; nothing when there is none.
std::optional<std::string> text_attribute(hid_t object, const std::string& name) {
  if (H5Aexists(object, name.c_str()) <= 0) return std::nullopt;
  const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type = type_handle(H5Aget_type(attribute)), space = space_handle(H5Aget_space(attribute));
  if (!type.ok() || !space.ok() || H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) return std::nullopt;
  if (H5Tis_variable_str(type) > 0) {
    char* value = nullptr;
    if (H5Aread(attribute, type, &value) < 0 || !value) return std::nullopt;
    std::string out(value);
    H5free_memory(value);
    return out;
  }
  const size_t size = H5Tget_size(type);
  if (size > (size_t{16} << 20)) return std::nullopt;
  std::string out(size, '\0');
  if (H5Aread(attribute, type, out.data()) < 0) return std::nullopt;
  out.resize(out.find_last_not_of('\0') + 1);
  return out;
}

/// A pickled list of names.
std::optional<std::vector<std::string>> names_of(const Json& list) {
  if (!list.array()) return std::nullopt;
  std::vector<std::string> out;
  for (const Json& name : *list.array()) {
    if (!name.text() && !name.integer()) return std::nullopt;
    out.push_back(name.text() ? *name.text() : std::to_string(*name.integer()));
  }
  return out;
}

/// What the values of a member or block stand for.
struct Meaning {
  std::string dtype;    // "datetime64[us]", "int64", "date", ...
  std::string missing;  // text that stands for missing
  std::string zone;
};

/// Values of one column as they stand in the file: `width` bytes each, one after another.
struct RawColumn {
  std::string name;
  H5T_class_t type = H5T_NO_CLASS;
  size_t width = 0;
  bool is_signed = true;
  Meaning meaning;
  std::vector<char> values;
};

Buffer bits_where(size_t rows, const std::function<bool(size_t)>& is) {
  std::vector<uint8_t> bits((rows + 7) / 8, 0);
  for (size_t row = 0; row < rows; ++row) bits[row >> 3] = uint8_t(bits[row >> 3] | int(is(row)) << (row & 7));
  return make_buffer(std::move(bits));
}

template <class T>
T value_at(const RawColumn& raw, size_t row) {
  T out;
  std::memcpy(&out, raw.values.data() + row * sizeof(T), sizeof out);
  return out;
}

/// Fixed-width text, padded with NULs. Bytes that are not UTF-8: false.
bool text_column(const RawColumn& raw, size_t rows, Column* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<char> bytes;
  std::vector<uint8_t> missing(rows, 0);
  bool any = false;
  for (size_t row = 0; row < rows; ++row) {
    const char* begin = raw.values.data() + row * raw.width;
    size_t size = raw.width;
    while (size > 0 && begin[size - 1] == '\0') --size;
    const std::string_view text(begin, size);
    missing[row] = text == raw.meaning.missing;
    any |= missing[row] != 0;
    if (!missing[row]) bytes.insert(bytes.end(), begin, begin + size);
    offsets.push_back(int64_t(bytes.size()));
  }
  if (find_invalid_utf8({bytes.data(), bytes.size()}) != std::string_view::npos) return false;
  out->dtype = Dtype::text, out->length = int64_t(rows);
  out->values = make_buffer(std::move(bytes));
  out->offsets = make_buffer(std::move(offsets));
  if (any) out->validity = bits_where(rows, [&](size_t row) { return !missing[row]; });
  return true;
}

/// datetime64[ns|us|ms|s] as int64; the least integer is NaT. Tells of the first time that is finer than a microsecond.
void time_column(const RawColumn& raw, size_t rows, const std::string& path, Roundings* roundings, Column* out) {
  const std::string& unit = raw.meaning.dtype;
  const int64_t down = unit.find("[us") != std::string::npos                                           ? 1
                       : unit.find("[ms") != std::string::npos || unit.find("[s") != std::string::npos ? 0
                                                                                                       : 1000;
  const int64_t up = unit.find("[ms") != std::string::npos ? 1000 : unit.find("[s") != std::string::npos ? 1'000'000 : 1;
  std::vector<int64_t> times(rows, 0);
  bool any = false;
  for (size_t row = 0; row < rows; ++row) {
    const int64_t value = value_at<int64_t>(raw, row);
    if (value == INT64_MIN) {
      any = true;
    } else if (down > 1) {
      times[row] = value / down - (value % down < 0);
      if (roundings && value % down != 0) {
        const std::string shown = fmt::format("{} and {} ns", format_timestamp(times[row], raw.meaning.zone), value - times[row] * down);
        roundings->add(raw.name, path, {kCutTimes, shown, ""});
        roundings = nullptr;
      }
    } else if (__builtin_mul_overflow(value, up, &times[row])) {
      times[row] = 0;
    }
  }
  if (any) out->validity = bits_where(rows, [&](size_t row) { return value_at<int64_t>(raw, row) != INT64_MIN; });
  out->dtype = Dtype::timestamp, out->zone = raw.meaning.zone, out->length = int64_t(rows);
  out->values = make_buffer(std::move(times));
}

/// Days, from times that hayate wrote for dates.
void date_column(const RawColumn& raw, size_t rows, Column* out) {
  std::vector<int32_t> days(rows, 0);
  bool any = false;
  for (size_t row = 0; row < rows; ++row) {
    const int64_t value = value_at<int64_t>(raw, row);
    any |= value == INT64_MIN;
    constexpr int64_t kDay = 86'400'000'000;
    if (value != INT64_MIN) days[row] = int32_t(value / kDay - (value % kDay < 0));
  }
  if (any) out->validity = bits_where(rows, [&](size_t row) { return value_at<int64_t>(raw, row) != INT64_MIN; });
  out->dtype = Dtype::date, out->length = int64_t(rows);
  out->values = make_buffer(std::move(days));
}

Result<Column> column_of(RawColumn& raw, size_t rows, const std::string& path, Roundings* roundings) {
  Column out;
  out.length = int64_t(rows);
  const auto refused = [&](const std::string& what) {
    return input_error(fmt::format("column '{}' {}", raw.name, what), path, "leave it out with --columns, or write the table as Parquet");
  };
  if (raw.type == H5T_STRING) {
    if (!text_column(raw, rows, &out)) return refused("holds bytes that are not UTF-8");
    return out;
  }
  const bool eight = raw.type == H5T_INTEGER && raw.width == 8;
  if (raw.meaning.dtype == "hayate date" && eight) return date_column(raw, rows, &out), out;
  if (raw.meaning.dtype.starts_with("datetime64") && eight) return time_column(raw, rows, path, roundings, &out), out;
  if (raw.meaning.dtype.starts_with("timedelta")) return refused("holds durations");
  if (raw.type == H5T_BITFIELD || raw.type == H5T_ENUM) {
    if (raw.width != 1) return refused("is an enumeration");
    out.dtype = Dtype::boolean;
    out.values = bits_where(rows, [&](size_t row) { return raw.values[row] != 0; });
    return out;
  }
  const auto dtype = [&]() -> std::optional<Dtype> {
    if (raw.type == H5T_FLOAT) return raw.width == 8 ? std::optional(Dtype::float64) : raw.width == 4 ? std::optional(Dtype::float32) : std::nullopt;
    if (raw.type != H5T_INTEGER) return std::nullopt;
    constexpr Dtype kSigned[] = {Dtype::int8, Dtype::int16, Dtype::int32, Dtype::int64};
    constexpr Dtype kUnsigned[] = {Dtype::uint8, Dtype::uint16, Dtype::uint32, Dtype::uint64};
    for (size_t i = 0; i < 4; ++i)
      if (raw.width == size_t{1} << i) return raw.is_signed ? kSigned[i] : kUnsigned[i];
    return std::nullopt;
  }();
  if (!dtype) return refused("is of a type that is not read");
  out.dtype = *dtype;
  out.values = make_buffer(std::move(raw.values));
  return out;
}

/// One element of a member or array, in this machine's byte order.
struct Element {
  H5T_class_t type = H5T_NO_CLASS;
  size_t width = 0;
  bool is_signed = true;
  size_t count = 1;  // of a member that is an array
};

Element element_of(hid_t type) {
  Element out;
  out.type = H5Tget_class(type);
  if (out.type == H5T_ARRAY) {
    const Handle base = type_handle(H5Tget_super(type));
    if (H5Tget_array_ndims(type) != 1) return {};
    hsize_t count = 0;
    H5Tget_array_dims2(type, &count);
    out = element_of(base);
    out.count = size_t(count);
    return out;
  }
  out.width = H5Tget_size(type);
  if (out.type == H5T_INTEGER) out.is_signed = H5Tget_sign(type) == H5T_SGN_2;
  if (out.type == H5T_STRING && H5Tis_variable_str(type) > 0) return {};
  return out;
}

/// Rows of a dataset, and its other dimension (1 where it has none).
bool shape_of(hid_t dataset, hsize_t* rows, hsize_t* width) {
  const Handle space = space_handle(H5Dget_space(dataset));
  hsize_t dims[2] = {0, 1};
  const int rank = H5Sget_simple_extent_ndims(space);
  if (!space.ok() || rank < 1 || rank > 2 || H5Sget_simple_extent_dims(space, dims, nullptr) < 0) return false;
  *rows = dims[0], *width = dims[1];
  return true;
}

class PandasFile {
 public:
  PandasFile(hid_t file, const std::string& path, const std::vector<std::string>& wanted, Roundings* roundings)
      : file_(file), path_(path), wanted_(wanted), roundings_(roundings) {}

  /// Rows from `begin` on that take about `piece_bytes` in the file.
  Result<Table> read(hsize_t begin, int64_t piece_bytes) {
    begin_ = begin, piece_bytes_ = piece_bytes;
    HY_TRY(const std::string key, find_table());
    const Handle group(H5Gopen2(file_, key.c_str(), H5P_DEFAULT), H5Gclose);
    const std::string type = text_attribute(group, "pandas_type").value_or("");
    if (type == "frame_table") return read_table(group, key);
    if (type == "frame") return read_fixed(group);
    return bad(fmt::format("'{}' is a pandas {}, not a table", key, type));
  }
  /// Of the file, known when some were read.
  hsize_t num_rows() const { return num_rows_; }

 private:
  Error bad(std::string what) const { return input_error(std::move(what), path_, kHint); }
  /// Of values in pieces: libhdf5 knows zlib; blosc, bzip2 and lzo come with PyTables.
  Error unreadable(const std::string& what) const {
    return input_error(what + " cannot be read: the file is damaged, or compressed in another way than zlib, such as blosc", path_,
                       "write it with pandas to_hdf(path, key='data', format='table', complib='zlib'), or as Parquet");
  }

  /// The one group that pandas wrote a table into.
  Result<std::string> find_table() {
    std::vector<std::string> keys;
    const auto visit = [](hid_t file, const char* name, const H5O_info_t* info, void* found) -> herr_t {
      if (info->type != H5O_TYPE_GROUP || std::string_view(name).find("meta/") != std::string_view::npos) return 0;
      const Handle group(H5Gopen2(file, name, H5P_DEFAULT), H5Gclose);
      if (group.ok() && text_attribute(group, "pandas_type")) static_cast<std::vector<std::string>*>(found)->push_back(name);
      return 0;
    };
    if (H5Ovisit2(file_, H5_INDEX_NAME, H5_ITER_INC, visit, &keys, H5O_INFO_BASIC) < 0) return bad("the groups of the file cannot be listed");
    keys.erase(std::remove_if(keys.begin(), keys.end(), [](const std::string& key) { return key.find("/meta/") != std::string::npos; }), keys.end());
    if (keys.empty()) return bad("the file holds no table that pandas wrote");
    if (keys.size() > 1) return bad(fmt::format("the file holds {} tables: {}", keys.size(), join(keys, ", ")));
    return keys[0];
  }

  bool is_wanted(const std::string& name) const { return wanted_.empty() || std::find(wanted_.begin(), wanted_.end(), name) != wanted_.end(); }

  /// The columns in the order asked for, or that of `order`.
  Result<Table> arrange(Table found, const std::vector<std::string>& order) const {
    Table out;
    for (const std::string& name : wanted_.empty() ? order : wanted_) {
      const Column* column = found.find(name);
      if (!column && !wanted_.empty()) return unknown_name("column", name, order, path_);
      if (!column) return bad(fmt::format("column '{}' is missing", name));
      out.add(name, *column);
    }
    return out;
  }

  Result<Table> read_table(hid_t group, const std::string& key);
  Result<Table> read_fixed(hid_t group);
  Result<void> read_members(hid_t dataset, hid_t compound, hsize_t rows, std::vector<RawColumn>* columns, const std::vector<size_t>& offsets);
  /// How many rows are read of a table that has `rows`.
  hsize_t piece_of(hsize_t rows, size_t row_bytes) {
    num_rows_ = rows;
    const hsize_t most = std::max<hsize_t>(1, hsize_t(piece_bytes_) / std::max<size_t>(row_bytes, 1));
    return std::min(most, rows - std::min(rows, begin_));
  }
  Result<void> decode_category(const std::string& key, const std::string& member, Column* column);
  Result<std::vector<std::string>> fixed_names(hid_t group, const std::string& dataset);

  hid_t file_;
  const std::string& path_;
  const std::vector<std::string>& wanted_;
  Roundings* const roundings_;
  hsize_t begin_ = 0, num_rows_ = 0;
  int64_t piece_bytes_ = INT64_MAX;
};

/// Reads whole rows from begin_ on, some at a time, and takes the wanted bytes of each.
Result<void> PandasFile::read_members(hid_t dataset, hid_t compound, hsize_t rows, std::vector<RawColumn>* columns,
                                      const std::vector<size_t>& offsets) {
  const size_t row_bytes = H5Tget_size(compound);
  const hsize_t step = std::max<hsize_t>(1, (size_t{8} << 20) / std::max<size_t>(row_bytes, 1));
  std::vector<char> buffer(size_t(std::min(step, std::max<hsize_t>(rows, 1))) * row_bytes);
  const Handle space = space_handle(H5Dget_space(dataset));
  for (hsize_t done = 0; done < rows; done += step) {
    const hsize_t begin = begin_ + done, count = std::min(step, rows - done);
    const Handle memory = space_handle(H5Screate_simple(1, &count, nullptr));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, &begin, nullptr, &count, nullptr) < 0 ||
        H5Dread(dataset, compound, memory, space, H5P_DEFAULT, buffer.data()) < 0)
      return unreadable("the rows");
    for (size_t c = 0; c < columns->size(); ++c) {
      RawColumn& column = (*columns)[c];
      const size_t at = column.values.size();
      column.values.resize(at + size_t(count) * column.width);
      for (size_t row = 0; row < size_t(count); ++row)
        std::memcpy(column.values.data() + at + row * column.width, buffer.data() + row * row_bytes + offsets[c], column.width);
    }
  }
  return {};
}

/// Codes become a category; the names are a table of one column below meta.
Result<void> PandasFile::decode_category(const std::string& key, const std::string& member, Column* column) {
  const std::string below = fmt::format("{}/meta/{}/meta", key, member);
  const Handle group(H5Gopen2(file_, below.c_str(), H5P_DEFAULT), H5Gclose);
  if (!group.ok() || !is_integer(column->dtype)) return bad(fmt::format("the names of category '{}' are missing", member));
  const std::vector<std::string> all;
  PandasFile names_file(file_, path_, all, roundings_);
  HY_TRY(const Table names, names_file.read_table(group, below));
  if (names.num_columns() != 1) return bad(fmt::format("the names of category '{}' are missing", member));
  const Column& values = names.columns[0];
  std::vector<int64_t> index(static_cast<size_t>(column->length));
  std::vector<int32_t> codes(index.size(), 0);
  for (size_t row = 0; row < index.size(); ++row) {
    index[row] = integer_cell(*column, int64_t(row));
    if (index[row] >= values.length) return bad(fmt::format("a code of category '{}' has no name", member));
    if (index[row] >= 0 && values.is_null(index[row])) index[row] = -1;
    codes[row] = int32_t(std::max<int64_t>(index[row], 0));
  }
  Column out;
  if (values.dtype == Dtype::text) {
    out.dtype = Dtype::category, out.length = column->length;
    auto dictionary = std::make_shared<Column>(values);
    dictionary->validity = {};
    out.dictionary = std::move(dictionary);
    out.values = make_buffer(std::move(codes));
  } else {
    if (values.length == 0) return bad(fmt::format("category '{}' has no names", member));
    for (int64_t& at : index) at = std::max<int64_t>(at, 0);
    out = take(values, index);
    for (size_t row = 0; row < index.size(); ++row) index[row] = integer_cell(*column, int64_t(row));
  }
  if (std::any_of(index.begin(), index.end(), [](int64_t at) { return at < 0; }))
    out.validity = bits_where(index.size(), [&](size_t row) { return index[row] >= 0; });
  *column = std::move(out);
  return {};
}

Result<Table> PandasFile::read_table(hid_t group, const std::string& key) {
  const Handle dataset(H5Dopen2(group, "table", H5P_DEFAULT), H5Dclose);
  if (!dataset.ok()) return bad("the rows of the table are missing");
  const Handle stored = type_handle(H5Dget_type(dataset));
  hsize_t rows = 0, width = 0;
  if (!stored.ok() || H5Tget_class(stored) != H5T_COMPOUND || !shape_of(dataset, &rows, &width) || width != 1)
    return bad("the rows of the table are no pandas table");
  const Handle compound = type_handle(H5Tget_native_type(stored, H5T_DIR_ASCEND));
  if (!compound.ok()) return bad("the type of the rows is not known");

  const auto info = read_pickle_text(text_attribute(group, "info").value_or("N."));
  std::vector<std::string> order;
  if (const auto axes = read_pickle_text(text_attribute(group, "non_index_axes").value_or("")); axes && axes->array() && axes->array()->size() == 1) {
    const Json& axis = (*axes->array())[0];
    if (axis.array() && axis.array()->size() == 2)
      if (auto names = names_of((*axis.array())[1])) order = std::move(*names);
  }
  std::vector<RawColumn> raw;
  std::vector<size_t> offsets;
  std::vector<std::string> members;
  for (int m = 0; m < H5Tget_nmembers(compound); ++m) {
    char* text = H5Tget_member_name(compound, unsigned(m));
    if (!text) return bad("a column has no name");
    const std::string member(text);
    H5free_memory(text);
    if (member == "index" || member.starts_with("_i_level")) continue;
    const Handle type = type_handle(H5Tget_member_type(compound, unsigned(m)));
    const Element element = element_of(type);
    std::vector<std::string> names = {member};
    if (const auto kind = read_pickle_text(text_attribute(dataset, member + "_kind").value_or("")))
      if (auto listed = names_of(*kind)) names = std::move(*listed);
    if (element.width == 0 || names.size() != element.count) return bad(fmt::format("column '{}' is of a type that is not read", names[0]));
    Meaning meaning = {text_attribute(dataset, member + "_dtype").value_or(""), text_attribute(dataset, member + "_nan_rep").value_or("nan"), ""};
    if (text_attribute(dataset, member + "_hayate")) meaning.dtype = "hayate date";
    const Json* about = info && info->object() ? info->find(member) : nullptr;
    if (const Json* zone = about ? about->find("tz") : nullptr; zone && zone->text()) meaning.zone = *zone->text();
    for (size_t i = 0; i < names.size(); ++i) {
      if (!is_wanted(names[i])) continue;
      raw.push_back({names[i], element.type, element.width, element.is_signed, meaning, {}});
      offsets.push_back(H5Tget_member_offset(compound, unsigned(m)) + i * element.width);
      members.push_back(member);
    }
  }
  rows = piece_of(rows, H5Tget_size(compound));
  HY_CHECK(read_members(dataset, compound, rows, &raw, offsets));
  Table found;
  std::vector<std::string> all;
  for (size_t c = 0; c < raw.size(); ++c) {
    HY_TRY(Column column, column_of(raw[c], size_t(rows), path_, roundings_));
    if (text_attribute(dataset, members[c] + "_meta").value_or("") == "category") HY_CHECK(decode_category(key, members[c], &column));
    all.push_back(raw[c].name);
    found.add(raw[c].name, std::move(column));
  }
  return arrange(std::move(found), order.empty() ? all : order);
}

/// Names in an array of fixed-width text.
Result<std::vector<std::string>> PandasFile::fixed_names(hid_t group, const std::string& name) {
  const Handle dataset(H5Dopen2(group, name.c_str(), H5P_DEFAULT), H5Dclose);
  hsize_t rows = 0, width = 0;
  if (!dataset.ok() || !shape_of(dataset, &rows, &width) || width != 1) return bad(fmt::format("'{}' is missing", name));
  const Handle type = type_handle(H5Dget_type(dataset));
  const Element element = element_of(type);
  std::vector<std::string> out;
  if (element.type == H5T_INTEGER) {
    std::vector<int64_t> numbers(static_cast<size_t>(rows));
    if (H5Dread(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers.data()) < 0) return unreadable(fmt::format("'{}'", name));
    for (const int64_t number : numbers) out.push_back(std::to_string(number));
    return out;
  }
  if (element.type != H5T_STRING || element.width == 0 || rows > (hsize_t{64} << 20) / element.width)
    return bad(fmt::format("'{}' holds no names", name));
  std::string bytes(size_t(rows) * element.width, '\0');
  if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) return unreadable(fmt::format("'{}'", name));
  for (size_t i = 0; i < size_t(rows); ++i) {
    std::string one = bytes.substr(i * element.width, element.width);
    one.resize(one.find_last_not_of('\0') + 1);
    if (find_invalid_utf8(one) != std::string_view::npos) return bad(fmt::format("'{}' holds bytes that are not UTF-8", name));
    out.push_back(std::move(one));
  }
  return out;
}

Result<Table> PandasFile::read_fixed(hid_t group) {
  HY_TRY(const std::vector<std::string> order, fixed_names(group, "axis0"));
  Table found;
  for (int block = 0;; ++block) {
    const std::string values_name = fmt::format("block{}_values", block);
    if (H5Lexists(group, values_name.c_str(), H5P_DEFAULT) <= 0) break;
    HY_TRY(const std::vector<std::string> names, fixed_names(group, fmt::format("block{}_items", block)));
    const Handle dataset(H5Dopen2(group, values_name.c_str(), H5P_DEFAULT), H5Dclose);
    if (!dataset.ok()) return bad(fmt::format("'{}' cannot be read", values_name));
    const Handle stored = type_handle(H5Dget_type(dataset)), type = type_handle(H5Tget_native_type(stored, H5T_DIR_ASCEND));
    const Element element = element_of(type);
    if (H5Tget_class(stored) == H5T_VLEN || element.width == 0)
      return input_error(fmt::format("column '{}' is text in pandas' 'fixed' layout, which stores it as a pickle", names.empty() ? "" : names[0]),
                         path_, kHint);
    hsize_t rows = 0, width = 0;
    if (!shape_of(dataset, &rows, &width)) return bad(fmt::format("'{}' is no array of rows and columns", values_name));
    if (width != names.size()) return bad(fmt::format("'{}' has {} columns of {}", values_name, width, names.size()));
    if (block > 0 && rows != num_rows_) return bad("blocks of different lengths");
    rows = piece_of(rows, order.size() * sizeof(double));
    std::vector<char> bytes(size_t(rows * width) * element.width);
    if (!bytes.empty()) {
      const hsize_t begin[2] = {begin_, 0}, count[2] = {rows, width};
      const Handle space = space_handle(H5Dget_space(dataset)),
                   memory = space_handle(H5Screate_simple(H5Sget_simple_extent_ndims(space), count, nullptr));
      if (H5Sselect_hyperslab(space, H5S_SELECT_SET, begin, nullptr, count, nullptr) < 0 ||
          H5Dread(dataset, type, memory, space, H5P_DEFAULT, bytes.data()) < 0)
        return unreadable("the values");
    }
    for (size_t c = 0; c < names.size(); ++c) {
      if (!is_wanted(names[c])) continue;
      RawColumn raw = {names[c], element.type, element.width, element.is_signed, {text_attribute(dataset, "value_type").value_or(""), "nan", ""}, {}};
      raw.meaning.zone = text_attribute(dataset, "tz").value_or("");
      raw.values.resize(size_t(rows) * element.width);
      for (size_t row = 0; row < size_t(rows); ++row)
        std::memcpy(raw.values.data() + row * element.width, bytes.data() + (row * size_t(width) + c) * element.width, element.width);
      HY_TRY(Column column, column_of(raw, size_t(rows), path_, roundings_));
      found.add(names[c], std::move(column));
    }
  }
  return arrange(std::move(found), order);
}

// ---- writing ----

void set_text(hid_t object, const std::string& name, std::string_view value, bool utf8) {
  const Handle type = type_handle(H5Tcopy(H5T_C_S1)), space = space_handle(H5Screate(H5S_SCALAR));
  H5Tset_size(type, std::max<size_t>(value.size(), 1));
  if (utf8) H5Tset_cset(type, H5T_CSET_UTF8);
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  std::string bytes(value);
  bytes.resize(std::max<size_t>(value.size(), 1), '\0');
  H5Awrite(attribute, type, bytes.data());
}

void set_number(hid_t object, const std::string& name, hid_t type, const void* value) {
  const Handle space = space_handle(H5Screate(H5S_SCALAR));
  const Handle attribute(H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  H5Awrite(attribute, type, value);
}

/// A value that PyTables keeps as a pickle.
void set_pickle(hid_t object, const std::string& name, const Json& value, bool tuples = false) {
  set_text(object, name, write_pickle_text(value, tuples), false);
}

void set_kind(hid_t object, const char* kind, const char* version) {
  set_text(object, "CLASS", kind, true);
  set_text(object, "TITLE", "", true);
  set_text(object, "VERSION", version, true);
}

/// How a column stands in the rows of the file.
struct Member {
  std::string name;  // values_block_3
  hid_t type = -1;   // of one value
  size_t width = 0, offset = 0;
  Dtype as = Dtype::float64;  // integers and bools with nulls become float64, categories text
  std::string dtype, nan_rep;
};

class Hdf5Encoder final : public Encoder {
 public:
  Hdf5Encoder(std::unique_ptr<ByteSink> sink, std::string path) : sink_(std::move(sink)), path_(std::move(path)) {}

  Result<void> begin(const Table& schema) override {
    schema_ = schema;
    seen_.resize(schema.num_columns());
    return {};
  }
  Result<void> write(const Table& group) override {
    for (size_t c = 0; c < group.num_columns(); ++c) look_at(group.columns[c], &seen_[c]);
    return rows_.add(group);
  }

  Result<void> finish() override {
    if (!load_hdf5()) return not_loaded(path_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    HY_TRY(const std::vector<Member> members, make_members());
    const size_t row_bytes = members.back().offset + members.back().width;
    if (double(rows_.num_rows()) * double(row_bytes) > double(RowSpool::kHeldBytes)) return write_by_file(members);
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access, size_t{1} << 20, false);  // in memory: the sink publishes it
    const Handle file(H5Fcreate("memory.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
    if (!file.ok()) return failed();
    HY_CHECK(write_table(file, members));
    if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) return failed();
    const ssize_t size = H5Fget_file_image(file, nullptr, 0);
    if (size < 0) return failed();
    std::vector<char> image(static_cast<size_t>(size));
    if (H5Fget_file_image(file, image.data(), image.size()) != size) return failed();
    HY_CHECK(sink_->write(image.data(), image.size()));
    return sink_->publish();
  }

 private:
  /// What the values of a column need to be written.
  struct Seen {
    bool nulls = false;
    std::optional<std::string> beyond;  // a whole number that no float64 is
    size_t widest = 1;
    std::vector<std::string> like_missing;  // "nan" and that with _ around it
  };

  Error failed() const { return {Kind::io, "the HDF5 library could not write the table", path_, "write another format, such as .parquet"}; }

  static void look_at(const Column& column, Seen* seen) {
    seen->nulls |= column.count_nulls() > 0;
    if (!seen->beyond) seen->beyond = first_beyond_float64(column);
    if (column.dtype != Dtype::text && column.dtype != Dtype::category) return;
    for (int64_t row = 0; row < column.length; ++row) {
      const std::string_view text = column.text(row);
      seen->widest = std::max(seen->widest, text.size());
      const size_t begin = text.find_first_not_of('_');
      const bool like = begin != std::string_view::npos && !column.is_null(row) && text.substr(begin).starts_with("nan") &&
                        text.find_first_not_of('_', begin + 3) == std::string_view::npos;
      if (like && std::find(seen->like_missing.begin(), seen->like_missing.end(), text) == seen->like_missing.end())
        seen->like_missing.emplace_back(text);
    }
  }
  /// "nan", or that with _ around it until no value is the same: as pandas does.
  static std::string missing_text(const Seen& seen) {
    std::string out = "nan";
    while (std::find(seen.like_missing.begin(), seen.like_missing.end(), out) != seen.like_missing.end()) out = "_" + out + "_";
    return out;
  }

  /// A file too large for memory is made in the folder of temporary files and copied to the sink. It loses its name at once: the library opens
  /// no file that has none.
  Result<void> write_by_file(const std::vector<Member>& members) {
    const char* folder = std::getenv("TMPDIR");
    std::string name = fmt::format("{}/hayate-XXXXXX", folder && *folder ? folder : "/tmp");
    const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor < 0) return Error{Kind::io, "no temporary file can be made", name, "set TMPDIR to a folder that can be written to"};
    const auto held = InputFile::from_descriptor(descriptor, name);  // closes it
    {
      const Handle file(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
      ::unlink(name.c_str());
      if (!file.ok()) return failed();
      HY_CHECK(write_table(file, members));
    }
    HY_CHECK(read_pieces(fmt::format("/proc/self/fd/{}", descriptor), [&](const uint8_t* data, size_t size) { return sink_->write(data, size); }));
    return sink_->publish();
  }

  Result<std::vector<Member>> make_members();
  Result<void> write_table(hid_t file, const std::vector<Member>& members);
  Result<void> write_rows(hid_t dataset, const std::vector<Member>& members, size_t row_bytes, hid_t compound);
  void put(const Column& column, int64_t row, const Member& member, char* at) const;
  void describe(hid_t group, hid_t dataset, const std::vector<Member>& members) const;

  std::unique_ptr<ByteSink> sink_;
  std::string path_;
  Table schema_;
  std::vector<Seen> seen_;  // by column
  RowSpool rows_;
  std::vector<Handle> kept_;  // types made for members
};

Result<std::vector<Member>> Hdf5Encoder::make_members() {
  std::vector<Member> members;
  size_t offset = sizeof(int64_t);  // behind the index
  for (size_t c = 0; c < schema_.num_columns(); ++c) {
    Member member;
    member.name = fmt::format("values_block_{}", c);
    member.offset = offset;
    member.as = schema_.columns[c].dtype;
    if ((is_integer(member.as) || member.as == Dtype::boolean) && seen_[c].nulls) member.as = Dtype::float64;
    if (member.as == Dtype::float64 && seen_[c].beyond)
      return input_error(
          fmt::format("column '{}' has missing values, so that it is float64 in HDF5, which cannot hold its {}", schema_.names[c], *seen_[c].beyond),
          path_, "write .parquet or .arrow, or give it another type, such as --types COLUMN=text");
    const hid_t types[] = {H5T_STD_B8LE,  H5T_STD_I8LE,  H5T_STD_I16LE,  H5T_STD_I32LE,  H5T_STD_I64LE, H5T_STD_U8LE, H5T_STD_U16LE,
                           H5T_STD_U32LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I64LE, H5T_STD_I64LE};
    if (member.as == Dtype::text || member.as == Dtype::category) {
      member.nan_rep = missing_text(seen_[c]);
      member.width = std::max(seen_[c].widest, member.nan_rep.size());
      kept_.push_back(type_handle(H5Tcopy(H5T_C_S1)));
      member.type = kept_.back();
      H5Tset_size(member.type, member.width);
      H5Tset_strpad(member.type, H5T_STR_NULLTERM);
      member.dtype = fmt::format("bytes{}", 8 * member.width);
    } else {
      member.type = types[size_t(member.as)];
      member.width = H5Tget_size(member.type);
      member.dtype = member.as == Dtype::boolean ? "bool" : dtype_name(member.as);
      if (member.as == Dtype::date || member.as == Dtype::timestamp) member.dtype = "datetime64[us]";
    }
    offset += member.width;
    members.push_back(std::move(member));
  }
  constexpr size_t kWidest = size_t{64} << 20;
  if (offset > kWidest)
    return input_error(fmt::format("a row takes {}: every text takes as much as the longest of its column in HDF5", format_bytes(int64_t(offset))),
                       path_, "write .parquet");
  return members;
}

void Hdf5Encoder::put(const Column& column, int64_t row, const Member& member, char* at) const {
  const bool missing = column.is_null(row);
  if (member.dtype.starts_with("bytes")) {
    const std::string_view text = missing ? std::string_view(member.nan_rep) : column.text(row);
    std::memcpy(at, text.data(), text.size());
  } else if (member.dtype == "datetime64[us]") {
    const int64_t scale = column.dtype == Dtype::date ? 86'400'000'000 : 1;
    const int64_t value = missing ? INT64_MIN : integer_cell(column, row) * scale;
    std::memcpy(at, &value, sizeof value);
  } else if (member.as == Dtype::float64) {
    const double value = column.number(row);
    std::memcpy(at, &value, sizeof value);
  } else if (member.as == Dtype::float32) {
    const float value = missing ? std::numeric_limits<float>::quiet_NaN() : column.as<float>()[size_t(row)];
    std::memcpy(at, &value, sizeof value);
  } else {
    const int64_t value = integer_cell(column, row);
    std::memcpy(at, &value, member.width);  // little-endian: the low bytes come first
  }
}

Result<void> Hdf5Encoder::write_rows(hid_t dataset, const std::vector<Member>& members, size_t row_bytes, hid_t compound) {
  const Handle space = space_handle(H5Dget_space(dataset));
  int64_t index = 0;
  return rows_.each([&](const Table& group) -> Result<void> {
    const hsize_t begin = hsize_t(index), count = hsize_t(group.num_rows());
    if (count == 0) return {};
    std::vector<char> rows(size_t(count) * row_bytes, 0);
    for (size_t c = 0; c < members.size(); ++c)
      for (int64_t row = 0; row < int64_t(count); ++row)
        put(group.columns[c], row, members[c], rows.data() + size_t(row) * row_bytes + members[c].offset);
    for (size_t row = 0; row < size_t(count); ++row, ++index) std::memcpy(rows.data() + row * row_bytes, &index, sizeof index);
    const Handle memory = space_handle(H5Screate_simple(1, &count, nullptr));
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, &begin, nullptr, &count, nullptr) < 0) return failed();
    if (H5Dwrite(dataset, compound, memory, space, H5P_DEFAULT, rows.data()) < 0) return failed();
    return {};
  });
}

/// The attributes by which PyTables and pandas know the table again.
void Hdf5Encoder::describe(hid_t group, hid_t dataset, const std::vector<Member>& members) const {
  Json::Array names, blocks;
  Json::Object info;
  for (size_t c = 0; c < members.size(); ++c) {
    names.push_back({schema_.names[c]});
    blocks.push_back({members[c].name});
    Json::Object about;
    if (!schema_.columns[c].zone.empty()) about.emplace_back("tz", Json{schema_.columns[c].zone});
    info.emplace_back(members[c].name, Json{std::move(about)});
  }
  const int64_t one = 1, rows = rows_.num_rows();
  const uint8_t yes = 1, no = 0;
  set_kind(group, "GROUP", "1.0");
  set_text(group, "pandas_type", "frame_table", true);
  set_text(group, "pandas_version", "0.15.2", true);
  set_text(group, "table_type", "appendable_frame", true);
  set_text(group, "encoding", "UTF-8", true);
  set_text(group, "errors", "strict", true);
  set_pickle(group, "index_cols", {Json::Array{{Json::Array{{int64_t{0}}, {std::string("index")}}}}}, true);
  set_pickle(group, "non_index_axes", {Json::Array{{Json::Array{{int64_t{1}}, {names}}}}}, true);
  set_pickle(group, "values_cols", {blocks});
  set_pickle(group, "data_columns", {Json::Array()});
  set_pickle(group, "info", {info});
  set_pickle(group, "nan_rep", {});
  set_number(group, "levels", H5T_STD_I64LE, &one);
  set_number(group, "data_col_nan_rep", H5T_STD_B8LE, &yes);
  set_number(group, "mi_level_nan_rep", H5T_STD_B8LE, &no);

  set_kind(dataset, "TABLE", "2.7");
  set_number(dataset, "NROWS", H5T_STD_I64LE, &rows);
  set_text(dataset, "index_kind", "integer", true);
  set_text(dataset, "FIELD_0_NAME", "index", true);
  for (size_t c = 0; c < members.size(); ++c) {
    const Member& member = members[c];
    set_text(dataset, fmt::format("FIELD_{}_NAME", c + 1), member.name, true);
    set_pickle(dataset, member.name + "_kind", {Json::Array{{schema_.names[c]}}});
    set_text(dataset, member.name + "_dtype", member.dtype, true);
    if (member.nan_rep.empty())
      set_pickle(dataset, member.name + "_meta", {});
    else
      set_text(dataset, member.name + "_meta", "str", true), set_text(dataset, member.name + "_nan_rep", member.nan_rep, true);
    if (schema_.columns[c].dtype == Dtype::date) set_text(dataset, member.name + "_hayate", "date", true);
  }
}

Result<void> Hdf5Encoder::write_table(hid_t file, const std::vector<Member>& members) {
  const size_t row_bytes = members.back().offset + members.back().width;
  const Handle compound = type_handle(H5Tcreate(H5T_COMPOUND, row_bytes));
  H5Tinsert(compound, "index", 0, H5T_STD_I64LE);
  for (const Member& member : members) {
    const hsize_t one = 1;
    const Handle array = type_handle(H5Tarray_create2(member.type, 1, &one));
    H5Tinsert(compound, member.name.c_str(), member.offset, array);
  }
  const Handle root(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose);
  set_kind(root, "GROUP", "1.0");
  set_text(root, "PYTABLES_FORMAT_VERSION", "2.1", true);
  const Handle group(H5Gcreate2(file, "data", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  const hsize_t rows = hsize_t(rows_.num_rows());
  const hsize_t most = H5S_UNLIMITED, chunk = std::clamp<hsize_t>((size_t{1} << 16) / row_bytes, 1, 65'536);
  const Handle space = space_handle(H5Screate_simple(1, &rows, &most));
  const Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_obj_track_times(creation, false);  // the same rows, the same bytes
  const Handle dataset(H5Dcreate2(group, "table", compound, space, H5P_DEFAULT, creation, H5P_DEFAULT), H5Dclose);
  if (!group.ok() || !dataset.ok()) return failed();
  HY_CHECK(write_rows(dataset, members, row_bytes, compound));
  describe(group, dataset, members);
  return {};
}

}  // namespace

bool hdf5_is_built() { return true; }

Result<Table> parse_hdf5_file(const std::string& path, const std::vector<std::string>& columns, Roundings* roundings) {
  Table out;
  HY_CHECK(parse_hdf5_pieces(path, columns, INT64_MAX, [&](const Table& table) { return out = table, Result<void>(); }, roundings));
  return out;
}

Result<void> parse_hdf5_pieces(const std::string& path, const std::vector<std::string>& columns, int64_t piece_bytes,
                               const std::function<Result<void>(const Table&)>& visit, Roundings* roundings) {
  if (!load_hdf5()) return not_loaded(path);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  HY_CHECK(check_readable(path));
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) return input_error("the file is no HDF5 file or is damaged", path, "write or download it again");
  PandasFile table(file, path, columns, roundings);
  for (hsize_t row = 0; row == 0 || row < table.num_rows();) {
    HY_TRY(const Table piece, table.read(row, piece_bytes));
    HY_CHECK(visit(piece));
    if (piece.num_rows() == 0) return {};
    row += hsize_t(piece.num_rows());
  }
  return {};
}

std::unique_ptr<Encoder> hdf5_encoder(std::unique_ptr<ByteSink> sink, std::string path) {
  return std::make_unique<Hdf5Encoder>(std::move(sink), std::move(path));
}

}  // namespace hayate::io

#else

namespace hayate::io {
namespace {

Error absent(const std::string& path) {
  return input_error("this build of hayate has no HDF5", path, "build it where libhdf5-dev is installed (./dev setup), or use .parquet");
}

class NoEncoder final : public Encoder {
 public:
  explicit NoEncoder(std::string path) : path_(std::move(path)) {}
  Result<void> begin(const Table&) override { return absent(path_); }
  Result<void> write(const Table&) override { return absent(path_); }
  Result<void> finish() override { return absent(path_); }

 private:
  std::string path_;
};

}  // namespace

bool hdf5_is_built() { return false; }
Result<Table> parse_hdf5_file(const std::string& path, const std::vector<std::string>&, Roundings*) { return absent(path); }
Result<void> parse_hdf5_pieces(const std::string& path, const std::vector<std::string>&, int64_t, const std::function<Result<void>(const Table&)>&,
                               Roundings*) {
  return absent(path);
}
std::unique_ptr<Encoder> hdf5_encoder(std::unique_ptr<ByteSink>, std::string path) { return std::make_unique<NoEncoder>(std::move(path)); }

}  // namespace hayate::io

#endif
