#include "io/csv_scan.h"

#include <emmintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace hayate::io {
namespace {

/// 64 bytes in four SSE2 registers (every x86-64 has them).
struct Block64 {
  __m128i part[4];

  explicit Block64(const char* data) {
    for (int i = 0; i < 4; ++i) part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i);
  }
  uint64_t equal(char c) const {
    const __m128i wanted = _mm_set1_epi8(c);
    uint64_t mask = 0;
    for (int i = 0; i < 4; ++i) mask |= uint64_t(uint32_t(_mm_movemask_epi8(_mm_cmpeq_epi8(part[i], wanted)))) << (16 * i);
    return mask;
  }
  bool any_high() const { return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(part[0], part[1]), _mm_or_si128(part[2], part[3]))) != 0; }
  bool any_nul() const {
    const __m128i least = _mm_min_epu8(_mm_min_epu8(part[0], part[1]), _mm_min_epu8(part[2], part[3]));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
  }
};

/// Bit i of the result: parity of bits 0 .. i.
uint64_t prefix_xor(uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

/// Calls visit(64 readable bytes, offset, how many of them are data) over `data`; the last ones are padded with blanks.
template <class Visitor>
void visit_blocks(std::string_view data, Visitor&& visit) {
  size_t at = 0;
  for (; at + 64 <= data.size(); at += 64) visit(data.data() + at, at, size_t{64});
  if (at == data.size()) return;
  char padded[64];
  std::memset(padded, ' ', sizeof padded);
  std::memcpy(padded, data.data() + at, data.size() - at);
  visit(padded, at, data.size() - at);
}

constexpr uint64_t kTop = uint64_t{1} << 63;

/// Quote state carried from block to block, and whether quotes stand only where masks suffice.
struct QuoteState {
  uint64_t inside = 0;        // all ones when the block starts inside quotes
  uint64_t may_open = 1;      // bit 0: the byte before the block is a separator, a newline or a quote
  bool close_at_top = false;  // the last byte of the block before was a closing quote
  bool malformed = false;

  /// Which bytes stand inside quotes (the opening quote does, the closing one does not).
  uint64_t step(uint64_t quotes, uint64_t separators, uint64_t newlines, uint64_t returns) {
    const uint64_t in = prefix_xor(quotes) ^ inside;
    const uint64_t openers = quotes & in, closers = quotes & ~in;
    const uint64_t before = separators | newlines | quotes;
    const uint64_t after = before | (returns & (newlines >> 1));
    malformed |= (openers & ~((before << 1) | may_open)) != 0;
    malformed |= (closers & ~kTop & ~(after >> 1)) != 0;
    malformed |= close_at_top && !(after & 1);
    close_at_top = (closers & kTop) != 0;
    may_open = before >> 63;
    inside = uint64_t(int64_t(in) >> 63);
    return in;
  }
  /// The same for a block without quotes.
  uint64_t step_without(uint64_t separators, uint64_t newlines, uint64_t returns) {
    const uint64_t before = separators | newlines;
    malformed |= close_at_top && !((before | (returns & (newlines >> 1))) & 1);
    close_at_top = false;
    may_open = before >> 63;
    return inside;
  }
};

}  // namespace

CsvBlock count_block(std::string_view block, const CsvDialect& dialect) {
  CsvBlock out;
  uint64_t inside = 0;
  visit_blocks(block, [&](const char* data, size_t at, size_t) {
    const Block64 bytes(data);
    const uint64_t quotes = bytes.equal('"'), newlines = bytes.equal(dialect.newline);
    const uint64_t in = (quotes ? prefix_xor(quotes) : 0) ^ inside;
    for (int hypothesis = 0; hypothesis < 2; ++hypothesis) {
      const uint64_t real = newlines & (hypothesis ? in : ~in);
      out.newlines[hypothesis] += std::popcount(real);
      if (real && out.first_newline[hypothesis] < 0) out.first_newline[hypothesis] = int64_t(at) + std::countr_zero(real);
    }
    inside = uint64_t(int64_t(in) >> 63);
  });
  out.odd_quotes = inside != 0;
  return out;
}

CsvScan scan_fields(std::string_view data, const CsvDialect& dialect, uint32_t* ends) {
  CsvScan out;
  QuoteState state;
  uint32_t* put = ends;
  visit_blocks(data, [&](const char* block, size_t at, size_t size) {
    const Block64 bytes(block);
    const uint64_t quotes = bytes.equal('"'), separators = bytes.equal(dialect.separator), newlines = bytes.equal(dialect.newline);
    uint64_t in = 0;
    if (quotes | uint64_t(state.close_at_top)) {
      const uint64_t returns = bytes.equal('\r');
      in = quotes ? state.step(quotes, separators, newlines, returns) : state.step_without(separators, newlines, returns);
    } else {
      in = state.step_without(separators, newlines, 0);
    }
    out.has_high |= bytes.any_high();
    out.has_nul |= bytes.any_nul();
    uint64_t real = (separators | newlines) & ~in;
    if (size < 64) real &= (uint64_t{1} << size) - 1;  // a blank may be the separator one day
    for (; real; real &= real - 1) *put++ = uint32_t(at + size_t(std::countr_zero(real)));
  });
  out.malformed = state.malformed || state.inside != 0;
  out.count = size_t(put - ends);
  return out;
}

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

CsvDialect sniff_dialect(std::string_view data) {
  constexpr size_t kSample = 256 << 10;
  const std::string_view sample = data.substr(0, kSample);
  CsvDialect best;
  if (data.find('\n') == std::string_view::npos && data.find('\r') != std::string_view::npos) best.newline = '\r';
  Trial best_trial = {1, false};
  for (const char separator : {',', '\t', ';', '|'}) {
    const CsvDialect dialect = {separator, best.newline};
    const Trial trial = try_separator(sample, sample.size() == data.size(), dialect);
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
  while (i < data.size()) {
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

std::string_view unquote(std::string_view field, std::vector<char>* scratch) {
  if (field.size() < 2 || field.front() != '"') return field;
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
