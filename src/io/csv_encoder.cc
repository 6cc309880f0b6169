// Tables as CSV: how texts are quoted; row_encoder.h does the rest.
#include <cassert>
#include <cstring>
#include <memory>

#include "io/row_encoder.h"

namespace hayate::io {
namespace {

/// Bytes of `word` that are zero, or lie just above one that is: never none where there is one.
uint64_t zero_bytes(uint64_t word) { return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u; }

constexpr uint64_t eight(char c) { return 0x0101010101010101u * uint8_t(c); }

/// RFC 4180; also quoted: what is empty or has blanks at an end, so that it is not taken for missing or for a blank line.
template <char separator>
bool is_bare(std::string_view value) {
  if (value.empty() || value.front() == ' ' || value.back() == ' ') return false;
  size_t at = 0;
  for (; at + 8 <= value.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, value.data() + at, 8);
    const uint64_t control = (word - 0x2020202020202020u) & ~word & 0x8080808080808080u;
    if (zero_bytes(word ^ eight(separator)) | zero_bytes(word ^ eight('"')) | control) break;
  }
  constexpr char kQuoted[] = {separator, '"', '\r', '\n', '\t', 0};
  return value.find_first_of(kQuoted, at) == std::string_view::npos;
}

/// Takes up to 2 * size + 2 bytes.
template <char separator>
char* put_csv_text(std::string_view value, char* out) {
  if (is_bare<separator>(value)) return std::copy(value.begin(), value.end(), out);
  *out++ = '"';
  for (const char c : value) {
    if (c == '"') *out++ = '"';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}

/// Whether none of these bytes asks for quotes, wherever it stands: a blank or less, a quote, a separator ('!' passes for one that does).
template <char separator>
bool is_all_bare(const char* text, size_t size) {
  uint64_t odd = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    odd |= ((word - 0x2323232323232323u) & ~word & 0x8080808080808080u) | zero_bytes(word ^ eight(separator));
  }
  for (; at < size; ++at) odd |= uint64_t(uint8_t(text[at]) <= '"') | uint64_t(text[at] == separator);
  return odd == 0;
}

template <char separator>
class CsvEncoder final : public RowEncoder {
 public:
  CsvEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : RowEncoder(std::move(sink), pool) {}

  Result<void> begin(const Table& schema) override {
    TextBlock out;
    for (size_t i = 0; i < schema.names.size(); ++i) {
      const std::string& name = schema.names[i];
      if (i > 0) out.append(separator);
      out.wrote(put_csv_text<separator>(name, out.room(2 * name.size() + 2)));
    }
    out.append('\n');
    RowStyle style;
    style.put_text = put_csv_text<separator>, style.is_all_bare = is_all_bare<separator>, style.separator = separator;
    if (schema.num_columns() == 1) style.missing = "\"\"";  // a single missing value would be a blank line, which readers skip
    set_style(std::move(style), schema.num_columns());
    return put(out.text());
  }
  Result<void> finish() override {
    HY_CHECK(put(""));
    return publish();
  }
};

}  // namespace

std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool, char separator) {
  if (separator == '\t') return std::make_unique<CsvEncoder<'\t'>>(std::move(sink), pool);
  assert(separator == ',');
  return std::make_unique<CsvEncoder<','>>(std::move(sink), pool);
}

}  // namespace hayate::io
