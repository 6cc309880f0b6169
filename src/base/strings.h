// Text a person typed or will read: near names, numbers, sizes and durations with units.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hayate/error.h"

namespace hayate {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Appends a code point as UTF-8.
void append_utf8(uint32_t code, std::string* out);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);

/// The whole text as a number, or nothing ("12x", "" and " 1" are nothing; "nan" and "inf" are numbers).
std::optional<double> parse_number(std::string_view text);
std::optional<int64_t> parse_integer(std::string_view text);
std::optional<uint64_t> parse_unsigned(std::string_view text);

/// "2GB" -> 2'000'000'000, "512MiB" -> 536'870'912, "1000" -> 1000; nothing when it is no size.
std::optional<int64_t> parse_bytes(std::string_view text);
/// "300s", "5m", "1.5h", "200ms" or bare seconds -> seconds; nothing when it is no duration.
std::optional<double> parse_seconds(std::string_view text);
/// 2'000'000'000 -> "2.0 GB" (powers of 1000).
std::string format_bytes(int64_t bytes);
/// 0.0123 -> "12 ms", 3.21 -> "3.2 s", 125 -> "2 min 05 s".
std::string format_seconds(double seconds);
/// Shortest text that reads back as the same double.
std::string format_shortest(double value);
/// The same, with all digits of whole numbers below 1e15: "100000", not "1e+05".
std::string format_plain(double value);

/// Edits (insert, delete, replace, swap of neighbours) that turn a into b.
size_t edit_distance(std::string_view a, std::string_view b);
/// The name of `names` nearest to `typed` (case ignored), or "" when none is near enough to be meant.
std::string nearest_name(std::string_view typed, std::span<const std::string> names);
/// "unknown indicator 'rcoc'" with the hint "did you mean 'roc'?" or "one of: ..." (the first 12 names).
Error unknown_name(std::string_view noun, std::string_view typed, std::span<const std::string> names, std::string where);

}  // namespace hayate
