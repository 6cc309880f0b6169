#include "io/arrow_table.h"

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/chunked_array.h>
#include <arrow/extension_type.h>
#include <arrow/io/interfaces.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/result.h>
#include <arrow/scalar.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>
#include <arrow/util/future.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "base/strings.h"
#include "io/arrow_module.h"
#include "io/csv_scan.h"
#include "io/json_reader.h"
#include "io/shortest.h"

namespace hayate::io {
namespace {

using arrow::Type;

/// An Arrow buffer and the pool it must be given back to, in this order of life.
struct KeptBuffer {
  std::shared_ptr<LimitedPool> pool;
  std::shared_ptr<arrow::Buffer> buffer;
};

/// A buffer of hayate as Arrow sees it.
class SharedBuffer final : public arrow::Buffer {
 public:
  explicit SharedBuffer(const hayate::Buffer& buffer) : arrow::Buffer(buffer.data, int64_t(buffer.size)), owner_(buffer.owner) {}

 private:
  std::shared_ptr<const void> owner_;
};

/// What is asked of a column, and where it stands.
struct Wanted {
  const std::string &name, &path;
  const Dtype* dtype;    ///< null: what the file has
  Roundings* roundings;  ///< may be null
};

/// Turns one validated Arrow array into a column.
class Conversion {
 public:
  Conversion(const arrow::Array& array, const std::shared_ptr<LimitedPool>& pool, const Wanted& wanted)
      : array_(array), data_(*array.data()), pool_(pool), wanted_(wanted) {}

  /// False: the type has no place in a table; `problem()` may say more.
  bool convert(Column* out);
  const std::string& problem() const { return problem_; }

 private:
  Buffer keep(int buffer, size_t skip, size_t size) const {
    const std::shared_ptr<arrow::Buffer>& from = data_.buffers[size_t(buffer)];
    if (!from || size == 0) return {};
    return {std::make_shared<const KeptBuffer>(KeptBuffer{pool_, from}), from->data() + skip, size};
  }

  /// Bits of buffer `buffer` from the array's first row on; copied when that row is not at a byte border.
  Buffer bits(int buffer) const {
    const std::shared_ptr<arrow::Buffer>& from = data_.buffers[size_t(buffer)];
    if (!from || data_.length == 0) return {};
    const size_t size = size_t(data_.length + 7) / 8;
    if (data_.offset % 8 == 0) return keep(buffer, size_t(data_.offset / 8), size);
    std::vector<uint8_t> out(size, 0);
    for (int64_t i = 0; i < data_.length; ++i) {
      const int64_t at = data_.offset + i;
      out[size_t(i >> 3)] = uint8_t(out[size_t(i >> 3)] | (from->data()[at >> 3] >> (at & 7) & 1) << (i & 7));
    }
    return make_buffer(std::move(out));
  }

  bool fixed(Dtype dtype, Column* out) const {
    const size_t width = dtype_width(dtype);
    out->dtype = dtype;
    out->values = keep(1, size_t(data_.offset) * width, size_t(data_.length) * width);
    return true;
  }

  /// Values made one by one, row after row; null rows get T{}.
  template <class T, class Make>
  bool made(Dtype dtype, Column* out, Make&& make) {
    std::vector<T> values(size_t(data_.length), T{});
    for (int64_t row = 0; row < data_.length; ++row)
      if (!array_.IsNull(row) && !make(row, &values[size_t(row)])) return problem_ = "a value out of range", false;
    out->dtype = dtype;
    out->values = make_buffer(std::move(values));
    return true;
  }

  bool text(Column* out);
  bool category(Column* out);
  bool timestamp(Column* out);
  template <class Array, class Decimal>
  bool decimals(Column* out);
  template <class Text>
  bool made_texts(Column* out, Text&& text_of) const;
  template <class Offset>
  bool text_with_offsets(Column* out) const;

  const arrow::Array& array_;
  const arrow::ArrayData& data_;
  const std::shared_ptr<LimitedPool>& pool_;
  const Wanted& wanted_;
  std::string problem_;
};

/// Offsets from the file become int64 from 0; large_utf8 that already starts at 0 is shared.
template <class Offset>
bool Conversion::text_with_offsets(Column* out) const {
  out->dtype = Dtype::text;
  if (data_.length == 0) return out->offsets = make_buffer(std::vector<int64_t>{0}), true;
  const auto from = reinterpret_cast<const Offset*>(data_.buffers[1]->data()) + data_.offset;
  const size_t size = size_t(from[data_.length] - from[0]);
  out->values = keep(2, size_t(from[0]), size);
  if (std::is_same_v<Offset, int64_t> && from[0] == 0) {
    out->offsets = keep(1, size_t(data_.offset) * sizeof(Offset), size_t(data_.length + 1) * sizeof(Offset));
  } else {
    std::vector<int64_t> offsets(size_t(data_.length) + 1);
    for (size_t i = 0; i < offsets.size(); ++i) offsets[i] = int64_t(from[i]) - int64_t(from[0]);
    out->offsets = make_buffer(std::move(offsets));
  }
  return true;
}

bool Conversion::text(Column* out) {
  const Type::type id = array_.type_id();
  out->file_width = id == Type::STRING || id == Type::BINARY ? 4 : 8;
  if (id == Type::STRING || id == Type::BINARY) return text_with_offsets<int32_t>(out);
  if (id == Type::LARGE_STRING || id == Type::LARGE_BINARY) return text_with_offsets<int64_t>(out);
  const auto& views = static_cast<const arrow::BinaryViewArray&>(array_);
  return made_texts(out, [&](int64_t row) { return views.GetView(row); });
}

/// Texts made one by one, row after row; null rows get none.
template <class Text>
bool Conversion::made_texts(Column* out, Text&& text_of) const {
  std::vector<char> bytes;
  std::vector<int64_t> offsets = {0};
  offsets.reserve(size_t(data_.length) + 1);
  for (int64_t row = 0; row < data_.length; ++row) {
    if (!array_.IsNull(row)) {
      const auto& text = text_of(row);
      bytes.insert(bytes.end(), text.begin(), text.end());
    }
    offsets.push_back(int64_t(bytes.size()));
  }
  out->dtype = Dtype::text;
  out->values = make_buffer(std::move(bytes));
  out->offsets = make_buffer(std::move(offsets));
  return true;
}

/// Row `index[i]` of `values` for each i; a row whose index or value is null is null.
Column gather(const Column& values, const std::vector<int64_t>& index) {
  Column out;
  out.dtype = values.dtype, out.zone = values.zone, out.length = int64_t(index.size());
  const size_t width = dtype_width(values.dtype);
  std::vector<uint8_t> bytes(values.dtype == Dtype::boolean ? (index.size() + 7) / 8 : index.size() * width);
  std::vector<uint8_t> validity((index.size() + 7) / 8, 0xFF);
  for (size_t row = 0; row < index.size(); ++row) {
    if (index[row] < 0 || values.is_null(index[row])) {
      validity[row >> 3] = uint8_t(validity[row >> 3] & ~(1 << (row & 7)));
    } else if (values.dtype == Dtype::boolean) {
      bytes[row >> 3] = uint8_t(bytes[row >> 3] | int(values.number(index[row])) << (row & 7));
    } else {
      std::memcpy(bytes.data() + row * width, values.values.data + size_t(index[row]) * width, width);
    }
  }
  out.values = make_buffer(std::move(bytes));
  out.validity = make_buffer(std::move(validity));
  return out;
}

bool Conversion::category(Column* out) {
  const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array_);
  const Type::type index_type = static_cast<const arrow::DictionaryType&>(*array_.type()).index_type()->id();
  Column values;
  Conversion of_values(*dictionary.dictionary(), pool_, wanted_);
  if (!of_values.convert(&values)) return problem_ = of_values.problem(), false;
  if (values.dtype == Dtype::category) return false;
  const bool same_codes = index_type == Type::INT32;
  if (same_codes && values.dtype == Dtype::text && !values.validity.data) {
    out->dictionary = std::make_shared<const Column>(std::move(values));
    if (array_.data()->GetNullCount() > 0) out->validity = bits(0);
    out->file_width = 4;
    return fixed(Dtype::category, out);
  }
  std::vector<int64_t> index(size_t(data_.length), -1);
  bool has_nulls = false;
  for (int64_t row = 0; row < data_.length; ++row) {
    if (!array_.IsNull(row)) index[size_t(row)] = dictionary.GetValueIndex(row);
    if (index[size_t(row)] >= 0 && values.is_null(index[size_t(row)])) index[size_t(row)] = -1;
    has_nulls |= index[size_t(row)] < 0;
  }
  if (values.dtype != Dtype::text) {
    *out = gather(values, index);
    return true;
  }
  values.validity = {};  // rows that point at a null are null themselves now
  out->dtype = Dtype::category;
  out->file_width = index_type == Type::INT8 || index_type == Type::UINT8 ? 1 : index_type == Type::INT16 || index_type == Type::UINT16 ? 2 : 4;
  out->dictionary = std::make_shared<const Column>(std::move(values));
  std::vector<int32_t> codes(index.size());
  std::vector<uint8_t> validity(has_nulls ? (index.size() + 7) / 8 : 0, 0xFF);
  for (size_t row = 0; row < index.size(); ++row) {
    codes[row] = int32_t(std::max<int64_t>(index[row], 0));
    if (index[row] < 0) validity[row >> 3] = uint8_t(validity[row >> 3] & ~(1 << (row & 7)));
  }
  out->values = make_buffer(std::move(codes));
  out->validity = has_nulls ? make_buffer(std::move(validity)) : Buffer{};
  return true;
}

int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0); }

bool Conversion::timestamp(Column* out) {
  const auto& type = static_cast<const arrow::TimestampType&>(*array_.type());
  out->zone = type.timezone();
  if (type.unit() == arrow::TimeUnit::MICRO) return fixed(Dtype::timestamp, out);
  const auto& times = static_cast<const arrow::TimestampArray&>(array_);
  Roundings* roundings = wanted_.roundings;
  return made<int64_t>(Dtype::timestamp, out, [&](int64_t row, int64_t* value) {
    if (type.unit() == arrow::TimeUnit::NANO) {
      *value = floor_divide(times.Value(row), 1000);
      if (roundings && *value * 1000 != times.Value(row)) {
        const auto cell = times.GetScalar(row);
        roundings->add(wanted_.name, wanted_.path, {kCutTimes, cell.ok() ? (*cell)->ToString() : "one", ""});
        roundings = nullptr;
      }
      return true;
    }
    return !__builtin_mul_overflow(times.Value(row), type.unit() == arrow::TimeUnit::SECOND ? 1'000'000 : 1000, value);
  });
}

/// All digits, as a person writes them: "-0.0000001", where Arrow's ToString has an exponent.
template <class Decimal>
std::string decimal_text(const Decimal& decimal, int scale) {
  constexpr int kMost = 400;  // a file may say anything
  if (scale < -kMost || scale > kMost) return decimal.ToString(scale);
  std::string digits = decimal.ToIntegerString();
  const size_t sign = digits.starts_with('-') ? 1 : 0;
  if (scale <= 0) return digits == "0" ? digits : digits + std::string(size_t(-scale), '0');
  if (digits.size() - sign <= size_t(scale)) digits.insert(sign, size_t(scale) + 1 + sign - digits.size(), '0');
  return digits.insert(digits.size() - size_t(scale), 1, '.');
}

/// Without the zeros behind the point, and without a point that has nothing behind it.
std::string_view without_end_zeros(std::string_view text) {
  if (text.find('.') == std::string_view::npos) return text;
  text = text.substr(0, text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

/// Whether `value` is the decimal that `text` is, or is written with its digits.
bool keeps_digits(double value, std::string_view text) {
  constexpr size_t kAlways = 15, kMost = 17;  // significant digits: every one of so many comes back; none of more can be the shortest
  const std::string_view shown = without_end_zeros(text);
  const size_t point = shown.find('.'), places = point == std::string_view::npos ? 0 : shown.size() - point - 1;
  std::string digits;
  for (const char c : shown)
    if (c >= '0' && c <= '9' && (c != '0' || !digits.empty())) digits += c;
  int exponent = -int(places);
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back(), ++exponent;
  if (digits.size() <= kAlways) return true;
  if (value == 0 || !std::isfinite(value)) return false;
  if (digits.size() <= kMost) {
    const Decimal shortest = shortest_decimal(std::abs(value));
    if (std::to_string(shortest.digits) == digits && shortest.exponent == exponent) return true;
  }
  return places == 0 && fmt::format("{:.0f}", value) == shown;
}

/// Correctly rounded, which Arrow's own ToDouble is not: a quotient of two exact doubles, or the digits read as text. `*kept`: whether those
/// come back.
template <class Digits>
double decimal_to_double(const Digits& decimal, int scale, bool* kept) {
  constexpr double kPowers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  constexpr int64_t kExact = 1'000'000'000'000'000;
  if constexpr (requires { decimal.template ToInteger<int64_t>(); }) {
    const auto digits = decimal.template ToInteger<int64_t>();
    const bool exact = digits.ok() && *digits > -kExact && *digits < kExact;
    if (exact && scale >= 0 && scale < int(std::size(kPowers))) return *kept = true, double(*digits) / kPowers[scale];
  }
  const std::string text = decimal_text(decimal, scale);
  const double value = parse_number(text).value_or(std::numeric_limits<double>::quiet_NaN());
  *kept = keeps_digits(value, text);
  return value;
}

/// Whole numbers of up to 18 digits are int64; others the nearest float64. Asked for as another type: text, for whoever makes that type of it.
template <class Array, class Digits>
bool Conversion::decimals(Column* out) {
  const auto& array = static_cast<const Array&>(array_);
  const auto& type = static_cast<const arrow::DecimalType&>(*array_.type());
  const int scale = type.scale();
  const auto decimal = [&](int64_t row) { return Digits(array.GetValue(row)); };
  constexpr int kWhole = 18;
  if (scale <= 0 && scale >= -kWhole && type.precision() - scale <= kWhole)
    return made<int64_t>(Dtype::int64, out, [&](int64_t row, int64_t* value) {
      const auto whole = parse_integer(decimal_text(decimal(row), scale));
      return *value = whole.value_or(0), whole.has_value();
    });
  if (wanted_.dtype && *wanted_.dtype != Dtype::float64) {
    const bool as_written = *wanted_.dtype == Dtype::text || *wanted_.dtype == Dtype::category;
    return made_texts(out, [&](int64_t row) {
      const std::string text = decimal_text(decimal(row), scale);
      return as_written ? text : std::string(without_end_zeros(text));
    });
  }
  Roundings* roundings = wanted_.dtype ? nullptr : wanted_.roundings;  // who asked for float64 knows
  return made<double>(Dtype::float64, out, [&](int64_t row, double* value) {
    bool kept = true;
    *value = decimal_to_double(decimal(row), scale, &kept);
    if (!kept && roundings) {
      roundings->add(wanted_.name, wanted_.path,
                     {fmt::format("of {} is rounded to float64", type.ToString()), decimal_text(decimal(row), scale),
                      fmt::format("--types '{}=text' keeps every digit", wanted_.name)});
      roundings = nullptr;
    }
    return true;
  });
}

bool Conversion::convert(Column* out) {
  out->length = data_.length;
  if (array_.null_count() > 0 && array_.type_id() != Type::DICTIONARY) out->validity = bits(0);
  switch (array_.type_id()) {
    case Type::NA: {
      const size_t rows = size_t(data_.length);
      out->dtype = Dtype::float64;
      out->values = make_buffer(std::vector<double>(rows, std::numeric_limits<double>::quiet_NaN()));
      out->validity = make_buffer(std::vector<uint8_t>((rows + 7) / 8, 0));
      return true;
    }
    case Type::BOOL:
      out->dtype = Dtype::boolean;
      out->values = bits(1);
      return true;
    case Type::INT8:
      return fixed(Dtype::int8, out);
    case Type::INT16:
      return fixed(Dtype::int16, out);
    case Type::INT32:
      return fixed(Dtype::int32, out);
    case Type::INT64:
      return fixed(Dtype::int64, out);
    case Type::UINT8:
      return fixed(Dtype::uint8, out);
    case Type::UINT16:
      return fixed(Dtype::uint16, out);
    case Type::UINT32:
      return fixed(Dtype::uint32, out);
    case Type::UINT64:
      return fixed(Dtype::uint64, out);
    case Type::FLOAT:
      return fixed(Dtype::float32, out);
    case Type::DOUBLE:
      return fixed(Dtype::float64, out);
    case Type::DATE32:
      return fixed(Dtype::date, out);
    case Type::HALF_FLOAT: {
      const auto& halves = static_cast<const arrow::HalfFloatArray&>(array_);
      return made<float>(Dtype::float32, out,
                         [&](int64_t row, float* value) { return *value = arrow::util::Float16::FromBits(halves.Value(row)).ToFloat(), true; });
    }
    case Type::DATE64: {
      const auto& dates = static_cast<const arrow::Date64Array&>(array_);
      return made<int32_t>(Dtype::date, out, [&](int64_t row, int32_t* value) {
        const int64_t days = floor_divide(dates.Value(row), 86'400'000);
        *value = int32_t(days);
        return *value == days;
      });
    }
    case Type::TIMESTAMP:
      return timestamp(out);
    case Type::DECIMAL32:
      return decimals<arrow::Decimal32Array, arrow::Decimal32>(out);
    case Type::DECIMAL64:
      return decimals<arrow::Decimal64Array, arrow::Decimal64>(out);
    case Type::DECIMAL128:
      return decimals<arrow::Decimal128Array, arrow::Decimal128>(out);
    case Type::DECIMAL256:
      return decimals<arrow::Decimal256Array, arrow::Decimal256>(out);
    case Type::STRING:
    case Type::LARGE_STRING:
    case Type::STRING_VIEW:
    case Type::BINARY:
    case Type::LARGE_BINARY:
    case Type::BINARY_VIEW:
      return text(out);
    case Type::DICTIONARY:
      return category(out);
    default:
      return false;
  }
}

/// Names that the pandas metadata of a schema calls index columns.
std::unordered_set<std::string> pandas_index(const arrow::Schema& schema) {
  std::unordered_set<std::string> names;
  if (!schema.metadata() || schema.metadata()->FindKey("pandas") < 0) return names;
  const auto text = schema.metadata()->Get("pandas");
  if (!text.ok()) return names;
  const auto document = parse_json(*text, "pandas metadata");
  const Json* columns = document.ok() ? document.value().find("index_columns") : nullptr;
  if (columns && columns->array())
    for (const Json& name : *columns->array())
      if (name.text()) names.insert(*name.text());
  return names;
}

bool is_key_of_bars(const std::string& name) { return name == "symbol" || name == "date" || name == "datetime"; }

}  // namespace

Error arrow_error(const arrow::Status& status, const std::string& path, const char* hint) {
  std::string what = status.message();
  if (const size_t end = what.find_first_of("\r\n"); end != std::string::npos) what.resize(end);
  if (status.IsOutOfMemory())
    return {Kind::budget, fmt::format("reading needs too much memory: {}", what), path, "raise --memory-limit, or read fewer columns with --columns"};
  if (status.IsNotImplemented())
    return input_error(fmt::format("cannot be read: {}", what), path,
                       "leave such columns out with --columns, or write the file again with other types or encodings");
  return input_error(fmt::format("cannot be read: {}", what), path, hint);
}

Result<void> check_schema_size(arrow::io::RandomAccessFile& file, const char* part, int64_t at, int64_t times, int64_t limit_bytes,
                               const std::string& path) {
  const auto size = file.GetSize();
  int32_t bytes = 0;
  if (!size.ok() || *size < std::abs(at)) return {};
  const auto got = file.ReadAt(at < 0 ? *size + at : at, sizeof bytes, &bytes);
  if (!got.ok() || *got != sizeof bytes || bytes <= limit_bytes / times || bytes > *size) return {};
  return Error{
      Kind::budget,
      fmt::format("its {} of {} takes more than the memory limit of {}: too many columns", part, format_bytes(bytes), format_bytes(limit_bytes)),
      path, fmt::format("--memory-limit {} would do", format_bytes(bytes * times + times))};
}

Result<Column> column_from(const arrow::ChunkedArray& chunks, const std::shared_ptr<LimitedPool>& pool, const std::string& name,
                           const std::string& where, const ReadOptions& options) {
  std::vector<std::shared_ptr<arrow::Array>> arrays = chunks.chunks();
  if (arrays.empty()) {
    const auto none = arrow::MakeEmptyArray(chunks.type(), pool.get());
    if (!none.ok()) return arrow_error(none.status(), where, "leave the column out with --columns");
    arrays.push_back(*none);
  }
  const Wanted wanted = {name, where, wanted_type(options.types, name), options.roundings.get()};
  std::vector<Column> parts;
  for (std::shared_ptr<arrow::Array>& array : arrays) {
    while (array->type_id() == Type::EXTENSION) array = static_cast<const arrow::ExtensionArray&>(*array).storage();
    if (const arrow::Status valid = array->ValidateFull(); !valid.ok())
      return arrow_error(valid.WithMessage("column '", name, "': ", valid.message()), where, "the file is damaged; write it again");
    Conversion conversion(*array, pool, wanted);
    Column part;
    if (!conversion.convert(&part)) {
      const std::string why = conversion.problem().empty() ? "is not read" : "holds " + conversion.problem();
      return input_error(fmt::format("column '{}' of type {} {}", name, array->type()->ToString(), why), where,
                         "leave it out with --columns, or write it as numbers, text or dates");
    }
    if (array->type_id() == Type::BINARY || array->type_id() == Type::LARGE_BINARY || array->type_id() == Type::BINARY_VIEW) {
      const std::string_view bytes(reinterpret_cast<const char*>(part.values.data), part.values.size);
      if (find_invalid_utf8(bytes) != std::string_view::npos)
        return input_error(fmt::format("column '{}' holds bytes that are not text", name), where, "leave it out with --columns");
    }
    parts.push_back(std::move(part));
  }
  Column out;
  if (!concatenate(parts, &out)) return input_error(fmt::format("column '{}' changes its type", name), where, "the file is damaged; write it again");
  return out;
}

std::string statistics_of(const arrow::Schema& schema) {
  if (!schema.metadata()) return "";
  return schema.metadata()->Get(kStatisticsKey).ValueOr("");
}

std::shared_ptr<arrow::Schema> with_own_names(const std::shared_ptr<arrow::Schema>& schema) {
  std::unordered_set<std::string> taken;
  arrow::FieldVector fields = schema->fields();
  bool repeated = false;
  for (auto& field : fields) {
    std::string fresh = field->name();
    for (int again = 1; !taken.insert(fresh).second; ++again) fresh = fmt::format("{}.{}", field->name(), again);
    if (fresh != field->name()) repeated = true, field = field->WithName(fresh);
  }
  return repeated ? arrow::schema(fields, schema->metadata()) : schema;
}

Result<std::vector<int>> choose_fields(const arrow::Schema& schema, const std::vector<std::string>& wanted, const std::string& path) {
  std::vector<int> fields;
  if (wanted.empty()) {
    const std::unordered_set<std::string> index = pandas_index(schema);
    for (int i = 0; i < schema.num_fields(); ++i) {
      const std::string& name = schema.field(i)->name();
      if (!index.contains(name) || is_key_of_bars(name)) fields.push_back(i);
    }
    return fields;
  }
  std::unordered_map<std::string, int> index_of;
  for (int i = schema.num_fields() - 1; i >= 0; --i) index_of[schema.field(i)->name()] = i;
  for (const std::string& name : wanted) {
    const auto found = index_of.find(name);
    if (found == index_of.end()) return unknown_name("column", name, schema.field_names(), path);
    fields.push_back(found->second);
  }
  return fields;
}

std::shared_ptr<arrow::DataType> arrow_type(const Column& column) {
  switch (column.dtype) {
    case Dtype::boolean:
      return arrow::boolean();
    case Dtype::int8:
      return arrow::int8();
    case Dtype::int16:
      return arrow::int16();
    case Dtype::int32:
      return arrow::int32();
    case Dtype::int64:
      return arrow::int64();
    case Dtype::uint8:
      return arrow::uint8();
    case Dtype::uint16:
      return arrow::uint16();
    case Dtype::uint32:
      return arrow::uint32();
    case Dtype::uint64:
      return arrow::uint64();
    case Dtype::float32:
      return arrow::float32();
    case Dtype::float64:
      return arrow::float64();
    case Dtype::date:
      return arrow::date32();
    case Dtype::timestamp:
      return arrow::timestamp(arrow::TimeUnit::MICRO, column.zone);
    case Dtype::text:
      return column.file_width == 4 ? arrow::utf8() : arrow::large_utf8();
    case Dtype::category:
      return arrow::dictionary(column.file_width == 1   ? arrow::int8()
                               : column.file_width == 2 ? arrow::int16()
                                                        : arrow::int32(),
                               arrow::large_utf8());
  }
  return nullptr;
}

namespace {

template <class To, class From>
Buffer converted(std::span<const From> values) {
  return make_buffer(std::vector<To>(values.begin(), values.end()));
}

/// Codes or offsets of the width that they have in files. A writer that chose a width has seen that all of them fit.
Buffer codes_in_file(const Column& column) {
  if (column.file_width == 1) return converted<int8_t>(column.as<int32_t>());
  if (column.file_width == 2) return converted<int16_t>(column.as<int32_t>());
  return column.values;
}
Buffer offsets_in_file(const Column& column) {
  const std::span<const int64_t> offsets(reinterpret_cast<const int64_t*>(column.offsets.data), size_t(column.length) + 1);
  return column.file_width == 4 ? converted<int32_t>(offsets) : column.offsets;
}

}  // namespace

std::shared_ptr<arrow::Array> arrow_array(const Column& column) {
  // Arrow tells a buffer of no bytes from none at all: names of a category that has none, texts that are all missing.
  static constexpr uint8_t kNoBytes[8] = {};
  const auto shared = [](Buffer buffer) {
    if (!buffer.data) buffer.data = kNoBytes;
    return std::make_shared<SharedBuffer>(buffer);
  };
  std::vector<std::shared_ptr<arrow::Buffer>> buffers = {column.validity.data ? shared(column.validity) : nullptr};
  if (column.dtype == Dtype::text) buffers.push_back(shared(offsets_in_file(column)));
  buffers.push_back(shared(column.dtype == Dtype::category ? codes_in_file(column) : column.values));
  auto data = arrow::ArrayData::Make(arrow_type(column), column.length, std::move(buffers), column.count_nulls());
  if (column.dtype == Dtype::category) data->dictionary = arrow_array(*column.dictionary)->data();
  return arrow::MakeArray(data);
}

namespace {

class ArrowInput final : public arrow::io::RandomAccessFile {
 public:
  ArrowInput(std::shared_ptr<const InputFile> file, LimitedPool* pool) : file_(std::move(file)), pool_(pool) {}

  arrow::Result<int64_t> GetSize() override { return file_->size(); }
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t count, void* out) override {
    if (position < 0 || count < 0) return arrow::Status::Invalid("a negative offset");
    const auto got = file_->read_at(position, out, size_t(count));
    if (!got.ok()) return arrow::Status::IOError(got.error().what);
    return int64_t(got.value());
  }
  /// The buffer is never larger than what the file still holds.
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t count) override {
    if (position < 0 || count < 0) return arrow::Status::Invalid("a negative offset");
    count = std::min(count, std::max<int64_t>(file_->size() - position, 0));
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(count, pool_));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position, count, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Future<std::shared_ptr<arrow::Buffer>> ReadAsync(const arrow::io::IOContext&, int64_t position, int64_t count) override {
    return arrow::Future<std::shared_ptr<arrow::Buffer>>::MakeFinished(ReadAt(position, count));
  }
  arrow::Future<std::shared_ptr<arrow::Buffer>> ReadAsync(const arrow::io::IOContext&, int64_t position, int64_t count, bool) override {
    return arrow::Future<std::shared_ptr<arrow::Buffer>>::MakeFinished(ReadAt(position, count));
  }

  arrow::Result<int64_t> Read(int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t got, ReadAt(position_, count, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, count));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Status Seek(int64_t position) override { return position_ = position, arrow::Status::OK(); }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Close() override { return closed_ = true, arrow::Status::OK(); }
  bool closed() const override { return closed_; }

 private:
  std::shared_ptr<const InputFile> file_;
  LimitedPool* pool_;
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace

Result<std::shared_ptr<arrow::io::RandomAccessFile>> open_random_access(const std::string& path, LimitedPool* pool) {
  HY_CHECK(check_readable(path));
  if (!file_size(path)) {
    HY_TRY(const hayate::Buffer bytes, read_file(path));
    return std::shared_ptr<arrow::io::RandomAccessFile>(std::make_shared<arrow::io::BufferReader>(std::make_shared<SharedBuffer>(bytes)));
  }
  HY_TRY(std::shared_ptr<const InputFile> file, InputFile::open(path));
  return std::shared_ptr<arrow::io::RandomAccessFile>(std::make_shared<ArrowInput>(std::move(file), pool));
}

void with_arrow::release_memory() { arrow::default_memory_pool()->ReleaseUnused(); }

}  // namespace hayate::io
