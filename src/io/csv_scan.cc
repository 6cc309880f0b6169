#include "io/csv_scan.h"

#include <algorithm>
#include <cstring>

namespace hayate::io {
CsvFault next_record(std::string_view data, const CsvDialect& dialect, size_t* at, std::vector<CsvField>* fields) {
  fields->clear();
  size_t i = *at;
  const auto ends_line = [&](size_t p) {
    if (p == data.size() || data[p] == dialect.newline) return true;
    return data[p] == '\r' && (p + 1 == data.size() || data[p + 1] == dialect.newline);
  };
  while (true) {
    const size_t begin = i;
    if (i < data.size() && data[i] == '"') {
      for (++i;; i += 2) {
        i = data.find('"', i);
        if (i == std::string_view::npos) return *at = begin, CsvFault::open_quote;
        if (i + 1 >= data.size() || data[i + 1] != '"') break;
      }
      ++i;
      if (!ends_line(i) && data[i] != dialect.separator) return *at = begin, CsvFault::text_after_quote;
    } else {
      while (i < data.size() && data[i] != dialect.separator && data[i] != dialect.newline) ++i;
    }
    const bool last = i == data.size() || data[i] != dialect.separator;
    if (last && i < data.size() && data[i] != dialect.newline) {  // the '\r' after a closing quote
      fields->push_back({begin, i++});
    } else {
      const bool with_return = last && i > begin && data[i - 1] == '\r';
      fields->push_back({begin, i - with_return});
    }
    if (last) return *at = std::min(i + 1, data.size()), CsvFault::none;
    ++i;
  }
}

namespace {

struct Trial {
  size_t header_fields = 0;
  bool consistent = true;
};

/// Reads up to 100 records of the sample with one separator.
Trial try_separator(std::string_view sample, bool whole, const CsvDialect& dialect) {
  Trial out;
  std::vector<CsvField> fields;
  size_t at = 0;
  for (int records = 0; at < sample.size() && records < 100;) {
    const CsvFault fault = next_record(sample, dialect, &at, &fields);
    const bool cut = !whole && (fault == CsvFault::open_quote || at >= sample.size());
    if (cut && records > 0) break;
    if (fault != CsvFault::none) out.consistent = false;
    if (fault != CsvFault::none) break;
    if (fields.size() == 1 && fields[0].begin == fields[0].end) continue;
    if (records++ == 0) out.header_fields = fields.size();
    out.consistent &= fields.size() == out.header_fields;
  }
  return out;
}

}  // namespace

CsvDialect sniff_dialect(std::string_view data, bool whole, char otherwise) {
  const std::string_view sample = data.substr(0, kCsvSample);
  CsvDialect best{otherwise};
  if (data.find('\n') == std::string_view::npos && data.find('\r') != std::string_view::npos) best.newline = '\r';
  Trial best_trial = {1, false};
  for (const char separator : {',', '\t', ';', '|'}) {
    const CsvDialect dialect = {separator, best.newline};
    const Trial trial = try_separator(sample, whole && sample.size() == data.size(), dialect);
    const bool better = trial.consistent != best_trial.consistent ? trial.consistent : trial.header_fields > best_trial.header_fields;
    if (trial.header_fields > 1 && better) best_trial = trial, best = dialect;
  }
  return best;
}

namespace {
/// Bytes that a sequence starting with `lead` has, 0 for a byte that starts none.
size_t sequence_length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

/// Least and greatest second byte: no overlong forms, no surrogates, nothing above U+10FFFF.
bool second_fits(uint8_t lead, uint8_t second) {
  const uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= least && second <= most;
}
}  // namespace

size_t find_invalid_utf8(std::string_view data) {
  const auto bytes = reinterpret_cast<const uint8_t*>(data.data());
  size_t i = 0;
  const auto is_ascii = [&] {  // the next 64 bytes
    uint64_t words[8], high = 0;
    std::memcpy(words, bytes + i, sizeof words);
    for (const uint64_t word : words) high |= word;
    return (high & 0x8080808080808080ull) == 0;
  };
  while (i < data.size()) {
    if (i + 64 <= data.size() && is_ascii()) {
      i += 64;
      continue;
    }
    uint64_t eight;
    if (i + 8 <= data.size() && (std::memcpy(&eight, bytes + i, 8), (eight & 0x8080808080808080ull) == 0)) {
      i += 8;
      continue;
    }
    const size_t length = sequence_length(bytes[i]);
    if (length == 0 || i + length > data.size()) return i;
    if (length > 1 && !second_fits(bytes[i], bytes[i + 1])) return i;
    for (size_t k = 2; k < length; ++k)
      if ((bytes[i + k] & 0xC0) != 0x80) return i;
    i += length;
  }
  return std::string_view::npos;
}

bool are_utf8_texts(std::string_view bytes, std::span<const int64_t> begins) {
  uint8_t high = 0;
  for (const char c : bytes) high |= uint8_t(c);
  if (high < 0x80) return true;
  const auto splits = [&](int64_t begin) { return size_t(begin) < bytes.size() && (uint8_t(bytes[size_t(begin)]) & 0xC0) == 0x80; };
  return find_invalid_utf8(bytes) == std::string_view::npos && std::none_of(begins.begin(), begins.end(), splits);
}

std::string_view strip_quotes(std::string_view field, std::vector<char>* scratch) {
  field = field.substr(1, field.size() - 2);
  if (field.find('"') == std::string_view::npos) return field;
  scratch->clear();
  for (size_t i = 0; i < field.size(); ++i) {
    scratch->push_back(field[i]);
    if (field[i] == '"') ++i;  // the second of a pair
  }
  return {scratch->data(), scratch->size()};
}

}  // namespace hayate::io
