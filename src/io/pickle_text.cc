#include "io/pickle_text.h"

#include <fmt/format.h>

#include <unordered_map>

#include "base/strings.h"

namespace hayate::io {
namespace {

/// Raw-unicode-escape: Latin-1 bytes, and \uXXXX, \UXXXXXXXX for the rest.
std::optional<std::string> unescape(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    const size_t digits = line[i] != '\\' || i + 1 == line.size() ? 0 : line[i + 1] == 'u' ? 4 : line[i + 1] == 'U' ? 8 : 0;
    if (digits == 0) {
      append_utf8(uint8_t(line[i]), &out);
      continue;
    }
    if (i + 2 + digits > line.size()) return std::nullopt;
    uint32_t code = 0;
    for (size_t k = i + 2; k < i + 2 + digits; ++k) {
      const char c = line[k];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) return std::nullopt;
      code = code << 4 | uint32_t(digit);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return std::nullopt;
    append_utf8(code, &out);
    i += 1 + digits;
  }
  return out;
}

class PickleReader {
 public:
  explicit PickleReader(std::string_view text) : text_(text) {}

  std::optional<Json> read() {
    while (at_ < text_.size()) {
      const char op = text_[at_++];
      if (op == '.') {
        std::optional<Json> out;
        if (stack_.size() == 1 && marks_.empty()) out.emplace(std::move(stack_[0]));
        return out;
      }
      if (!step(op) || stack_.size() > 1'000'000) return std::nullopt;
    }
    return std::nullopt;
  }

 private:
  bool push(Json value) { return stack_.push_back(std::move(value)), true; }
  std::string_view line() {
    const size_t end = std::min(text_.find('\n', at_), text_.size());
    const std::string_view out = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    return out;
  }
  /// Values above the newest mark, which goes away.
  bool pop_mark(std::vector<Json>* out) {
    if (marks_.empty() || marks_.back() > stack_.size()) return false;
    out->assign(std::make_move_iterator(stack_.begin() + std::ptrdiff_t(marks_.back())), std::make_move_iterator(stack_.end()));
    stack_.resize(marks_.back());
    return marks_.pop_back(), true;
  }
  bool integer(std::string_view digits) {
    const auto value = parse_integer(digits);
    return value && push({*value});
  }
  static std::string key_of(const Json& key) {
    if (const int64_t* whole = key.integer()) return std::to_string(*whole);
    return key.text() ? *key.text() : std::string();
  }
  bool set_items(Json* into, std::vector<Json> items) {
    auto* object = std::get_if<Json::Object>(&into->value);
    if (!object || items.size() % 2) return false;
    for (size_t i = 0; i < items.size(); i += 2) object->emplace_back(key_of(items[i]), std::move(items[i + 1]));
    return true;
  }

  bool step(char op) {
    std::vector<Json> items;
    switch (op) {
      case '(':
        return marks_.push_back(stack_.size()), true;
      case 'l':
      case 't':
        if (!pop_mark(&items)) return false;
        stack_.emplace_back().value = std::move(items);
        return true;
      case 'd':
        if (!pop_mark(&items)) return false;
        stack_.emplace_back().value = Json::Object();
        return set_items(&stack_.back(), std::move(items));
      case ']':
      case ')':
        stack_.emplace_back().value = Json::Array();
        return true;
      case '}':
        stack_.emplace_back().value = Json::Object();
        return true;
      case 'N':
        return push({});
      case 'I': {
        const std::string_view digits = line();
        if (digits == "00" || digits == "01") return push({digits == "01"});
        return integer(digits);
      }
      case 'L': {
        std::string_view digits = line();
        if (digits.ends_with('L')) digits.remove_suffix(1);
        return integer(digits);
      }
      case 'F': {
        const auto value = parse_number(line());
        return value && push({*value});
      }
      case 'V': {
        auto value = unescape(line());
        return value && push({std::move(*value)});
      }
      case 'p': {
        const auto number = parse_integer(line());
        if (!number || stack_.empty()) return false;
        if (const std::string* text = stack_.back().text()) memo_[*number] = *text;
        return true;
      }
      case 'g': {  // of what was remembered only text is asked for again by plain lists and dicts
        const auto found = memo_.find(parse_integer(line()).value_or(-1));
        return found != memo_.end() && push({found->second});
      }
      case 'a': {
        if (stack_.size() < 2) return false;
        Json value = std::move(stack_.back());
        stack_.pop_back();
        auto* array = std::get_if<Json::Array>(&stack_.back().value);
        return array && (array->push_back(std::move(value)), true);
      }
      case 'e': {
        if (!pop_mark(&items) || stack_.empty()) return false;
        auto* array = std::get_if<Json::Array>(&stack_.back().value);
        if (array)
          for (Json& item : items) array->push_back(std::move(item));
        return array != nullptr;
      }
      case 's': {
        if (stack_.size() < 3) return false;
        items = {std::move(stack_[stack_.size() - 2]), std::move(stack_.back())};
        stack_.resize(stack_.size() - 2);
        return set_items(&stack_.back(), std::move(items));
      }
      case 'u':
        return pop_mark(&items) && !stack_.empty() && set_items(&stack_.back(), std::move(items));
      default:
        return false;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Json> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<int64_t, std::string> memo_;
};

/// Text as the V opcode takes it: everything beyond printable ASCII as \u escapes.
std::string escape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const uint8_t lead = uint8_t(text[i]);
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t code = size == 1 ? lead : lead & (0x7Fu >> size);
    for (size_t k = 1; k < size && i + k < text.size(); ++k) code = code << 6 | (uint8_t(text[i + k]) & 63);
    if (code >= 0x20 && code < 0x7F && code != '\\')
      out += char(code);
    else
      out += code < 0x10000 ? fmt::format("\\u{:04x}", code) : fmt::format("\\U{:08x}", code);
    i += size;
  }
  return out;
}

void write_value(const Json& value, bool tuple, bool tuples_inside, std::string* out) {
  if (const auto* array = value.array()) {
    *out += tuple ? "(" : "(l";
    for (const Json& item : *array) {
      write_value(item, tuples_inside, false, out);
      if (!tuple) *out += "a";
    }
    if (tuple) *out += "t";
  } else if (const auto* object = value.object()) {
    *out += "(d";
    for (const auto& [key, item] : *object) {
      write_value({key}, false, false, out);
      write_value(item, false, false, out);
      *out += "s";
    }
  } else if (const int64_t* whole = value.integer()) {
    *out += fmt::format("I{}\n", *whole);
  } else if (const std::string* text = value.text()) {
    *out += fmt::format("V{}\n", escape(*text));
  } else {
    *out += "N";
  }
}

}  // namespace

std::optional<Json> read_pickle_text(std::string_view text) { return PickleReader(text).read(); }

std::string write_pickle_text(const Json& value, bool tuples) {
  std::string out;
  write_value(value, false, tuples, &out);
  return out + ".";
}

}  // namespace hayate::io
