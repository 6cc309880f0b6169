#include "aggregate/statistics.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "io/json_reader.h"

namespace hayate::aggregate {
namespace {

/// The words of a range by the names that they have in the text: whole numbers of 64 bits, which JSON's own may not hold.
struct WordField {
  const char* name;
  uint64_t& (*of)(ColumnRange& range);
};
constexpr WordField kWords[] = {{"least", [](ColumnRange& range) -> uint64_t& { return range.least; }},
                                {"greatest", [](ColumnRange& range) -> uint64_t& { return range.greatest; }},
                                {"least_size", [](ColumnRange& range) -> uint64_t& { return range.sizes.least; }},
                                {"greatest_size", [](ColumnRange& range) -> uint64_t& { return range.sizes.greatest; }}};

size_t name_bytes(const SortedNames& names) {
  size_t bytes = 0;
  for (uint32_t i = 0; i < names.size(); ++i) bytes += names.text(i).size() + 1;
  return bytes;
}

bool read_word(const io::Json& column, const char* name, uint64_t* word) {
  const io::Json* const found = column.find(name);
  const std::string* const text = found ? found->text() : nullptr;
  if (!text) return false;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), *word);
  return code == std::errc() && end == text->data() + text->size();
}

bool read_names(const io::Json& column, ColumnRange* range) {
  const io::Json* const found = column.find("names");
  if (!found || !found->array()) return false;
  TextSet names;
  for (const io::Json& name : *found->array()) {
    if (!name.text()) return false;
    names.add(*name.text());
  }
  range->names = std::make_shared<const SortedNames>(std::move(names));
  range->dictionary = range->names->column();
  range->least = 0;
  range->greatest = range->names->size() ? range->names->size() - 1 : 0;
  return true;
}

std::optional<ColumnRange> read_column(const io::Json& column, Dtype dtype, int64_t rows) {
  ColumnRange range;
  const io::Json *const missing = column.find("missing"), *const infinite = column.find("infinite");
  if (!missing || !missing->integer()) return std::nullopt;
  range.rows = rows, range.missing = *missing->integer();
  if (range.missing < 0 || range.missing > rows) return std::nullopt;
  if (dtype == Dtype::category) return read_names(column, &range) ? std::optional(range) : std::nullopt;
  for (const WordField& field : kWords)
    if (!read_word(column, field.name, &field.of(range))) return std::nullopt;
  range.sizes.infinite = infinite && infinite->flag() && *infinite->flag();
  const bool sound = range.has_values() ? range.least <= range.greatest : range.least == UINT64_MAX && range.greatest == 0;
  const bool sizes =
      range.sizes.greatest == 0 || (range.sizes.least > 0 && range.sizes.least <= range.sizes.greatest && range.sizes.greatest < kInfinity);
  return sound && sizes ? std::optional(range) : std::nullopt;
}

}  // namespace

std::string write_statistics(int64_t rows, const std::vector<KnownColumn>& columns) {
  JsonWriter json;
  json.object().key("rows").value(rows).key("columns").array();
  for (const KnownColumn& column : columns) {
    ColumnRange range = column.range;
    const bool named = column.dtype == Dtype::category;
    if (named && name_bytes(*range.names) > kMostNameBytes) continue;
    json.object().key("name").value(column.name).key("dtype").value(dtype_name(column.dtype)).key("missing").value(range.missing);
    if (named) {
      json.key("distinct").value(int64_t(range.names->size())).key("names").array();
      for (uint32_t i = 0; i < range.names->size(); ++i) json.value(range.names->text(i));
      json.end();
    } else {
      for (const WordField& field : kWords) json.key(field.name).value(std::to_string(field.of(range)));
      json.key("infinite").value(range.sizes.infinite);
    }
    json.end();
  }
  return json.end().end().text();
}

std::vector<std::optional<ColumnRange>> read_statistics(const std::string& text, const Table& schema) {
  std::vector<std::optional<ColumnRange>> out(schema.num_columns());
  if (text.empty()) return out;
  const auto document = io::parse_json(text, "statistics");
  if (!document.ok()) return out;
  const io::Json *const rows = document.value().find("rows"), *const columns = document.value().find("columns");
  if (!rows || !rows->integer() || *rows->integer() < 0 || !columns || !columns->array()) return out;
  for (const io::Json& column : *columns->array()) {
    const io::Json *const name = column.find("name"), *const dtype = column.find("dtype");
    if (!name || !name->text() || !dtype || !dtype->text()) continue;
    const Column* const found = schema.find(*name->text());
    if (!found || *dtype->text() != dtype_name(found->dtype) || found->dtype == Dtype::text) continue;
    out[size_t(found - schema.columns.data())] = read_column(column, found->dtype, *rows->integer());
  }
  return out;
}

bool lies_within(const ColumnRange& from, const ColumnRange& claim) {
  if (from.missing > 0 && claim.missing == 0) return false;
  if (from.has_values() && (from.least < claim.least || from.greatest > claim.greatest)) return false;
  if (from.sizes.infinite && !claim.sizes.infinite) return false;
  return from.sizes.greatest == 0 || (from.sizes.least >= claim.sizes.least && from.sizes.greatest <= claim.sizes.greatest);
}

bool same_range(const ColumnRange& a, const ColumnRange& b) {
  return a.rows == b.rows && a.missing == b.missing && a.least == b.least && a.greatest == b.greatest && a.sizes.least == b.sizes.least &&
         a.sizes.greatest == b.sizes.greatest && a.sizes.infinite == b.sizes.infinite;
}

}  // namespace hayate::aggregate
