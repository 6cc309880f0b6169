// Tables as CSV: how texts are quoted; row_encoder.h does the rest.
#include <cstring>
#include <memory>

#include "io/row_encoder.h"

namespace hayate::io {
namespace {

/// Bytes of `word` that are zero, or lie just above one that is: never none where there is one.
uint64_t zero_bytes(uint64_t word) { return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u; }

/// RFC 4180; also quoted: what is empty or has blanks at an end, so that it is not taken for missing or for a blank line.
bool is_bare(std::string_view value) {
  if (value.empty() || value.front() == ' ' || value.back() == ' ') return false;
  size_t at = 0;
  for (; at + 8 <= value.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, value.data() + at, 8);
    const uint64_t control = (word - 0x2020202020202020u) & ~word & 0x8080808080808080u;
    if (zero_bytes(word ^ 0x2C2C2C2C2C2C2C2Cu) | zero_bytes(word ^ 0x2222222222222222u) | control) break;
  }
  return value.find_first_of(",\"\r\n\t", at) == std::string_view::npos;
}

/// Takes up to 2 * size + 2 bytes.
char* put_csv_text(std::string_view value, char* out) {
  if (is_bare(value)) return std::copy(value.begin(), value.end(), out);
  *out++ = '"';
  for (const char c : value) {
    if (c == '"') *out++ = '"';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}

/// Whether none of these bytes asks for quotes, wherever it stands: a blank or less, a quote, a comma ('!' passes for one that does).
bool is_all_bare(const char* text, size_t size) {
  uint64_t odd = 0;
  size_t at = 0;
  for (; at + 8 <= size; at += 8) {
    uint64_t word;
    std::memcpy(&word, text + at, 8);
    odd |= ((word - 0x2323232323232323u) & ~word & 0x8080808080808080u) | zero_bytes(word ^ 0x2C2C2C2C2C2C2C2Cu);
  }
  for (; at < size; ++at) odd |= uint64_t(uint8_t(text[at]) <= '"') | uint64_t(text[at] == ',');
  return odd == 0;
}

class CsvEncoder final : public RowEncoder {
 public:
  CsvEncoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) : RowEncoder(std::move(sink), pool) {}

  Result<void> begin(const Table& schema) override {
    TextBlock out;
    for (size_t i = 0; i < schema.names.size(); ++i) {
      const std::string& name = schema.names[i];
      if (i > 0) out.append(',');
      out.wrote(put_csv_text(name, out.room(2 * name.size() + 2)));
    }
    out.append('\n');
    RowStyle style;
    style.put_text = put_csv_text, style.is_all_bare = is_all_bare;
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

std::unique_ptr<Encoder> csv_encoder(std::unique_ptr<ByteSink> sink, exec::Pool* pool) { return std::make_unique<CsvEncoder>(std::move(sink), pool); }

}  // namespace hayate::io
