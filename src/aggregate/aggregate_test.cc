#include "aggregate/aggregate.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <numeric>
#include <set>

#include "aggregate/partitions.h"
#include "aggregate/shrink.h"
#include "base/random.h"
#include "io/cell_text.h"

namespace hayate::aggregate {
namespace {

constexpr int64_t kMemory = int64_t{1} << 30;

/// A cell as text: the exact value, or "-" for missing.
std::string cell(const Column& column, int64_t row) {
  if (io::is_missing_cell(column, row)) return "-";
  if (column.dtype == Dtype::text || column.dtype == Dtype::category) return "'" + std::string(column.text(row)) + "'";
  std::string out;
  io::append_cell_text(column, row, &out);
  return out;
}

/// The answer as one text: names, then a line a row.
std::string answer(const Table& table, const std::string& by, const std::string& calls, const std::string& where = "", const std::string& having = "",
                   int64_t chunk_rows = 0, int workers = 1, int64_t memory = kMemory, Outcome* outcome = nullptr,
                   const std::string& statistics = "") {
  auto spec = parse_spec(by, calls, where, having);
  if (!spec.ok()) return spec.error().what;
  spec.value().statistics = statistics;
  const auto chunks = io::chunks_of(table, chunk_rows);
  exec::Pool pool(workers);
  exec::Steps steps;
  std::string out;
  const auto done = aggregate(*chunks, std::move(spec).value(), pool, memory, steps, {}, [&](const Table& rows) -> Result<void> {
    if (out.empty())
      for (const std::string& name : rows.names) out += name + " ";
    for (int64_t row = 0; row < rows.num_rows(); ++row) {
      out += "\n";
      for (const Column& column : rows.columns) out += cell(column, row) + " ";
    }
    return {};
  });
  if (!done.ok()) return done.error().what;
  if (outcome) *outcome = done.value();
  return out;
}

struct RandomTable {
  uint64_t key, index = 0;
  explicit RandomTable(uint64_t seed) : key(random_key(seed, Stage::synth)) {}
  uint64_t bits() { return random_bits(key, index++); }
  uint64_t below(uint64_t n) { return bits() % n; }
  double real() { return std::ldexp(double(int64_t(bits())), -63 + int(below(40)) - 20); }

  Column with_nulls(Column column, uint64_t one_in) {
    if (one_in == 0) return column;
    std::vector<uint8_t> validity(size_t(column.length + 7) / 8, 0);
    for (int64_t row = 0; row < column.length; ++row)
      validity[size_t(row >> 3)] = uint8_t(validity[size_t(row >> 3)] | int(below(one_in) != 0) << (row & 7));
    column.validity = make_buffer(std::move(validity));
    return column;
  }
  Table make(int64_t rows, uint64_t groups) {
    std::vector<int64_t> whole, wide;
    std::vector<double> real_key, value;
    std::vector<std::string> text;
    std::vector<int32_t> codes, number;
    for (int64_t row = 0; row < rows; ++row) {
      whole.push_back(int64_t(below(groups)) - 3);
      wide.push_back(int64_t(bits()) >> below(60) << below(20));
      real_key.push_back(below(9) == 0 ? NAN : below(2) ? -0.0 : double(below(groups)) / 4);
      value.push_back(below(50) == 0 ? NAN : real());
      text.push_back(std::string(below(3), 'a') + std::to_string(below(groups)));
      codes.push_back(int32_t(below(3)));
      number.push_back(int32_t(below(2001)) - 1000);
    }
    const std::string names[] = {"z", "", "unused b", "y"};
    for (int32_t& code : codes) code = code == 2 ? 3 : code;
    Table table;
    table.add("k", with_nulls(make_column(std::move(whole)), below(2) * 7));
    table.add("w", with_nulls(make_column(std::move(wide)), below(2) * 5));
    table.add("r", make_column(std::move(real_key)));
    table.add("t", with_nulls(make_text_column(text), below(2) * 6));
    table.add("c", with_nulls(make_category_column(std::move(codes), names), below(2) * 4));
    table.add("x", make_column(std::move(value)));
    table.add("n", with_nulls(make_column(std::move(number)), below(2) * 3));
    return table;
  }
};

constexpr const char* kAllCalls =
    "count(),count(x),sum(x),mean(x),std(x),var(n),min(x),max(n),median(x),quantile(n,0.9),first(x),last(t),distinct(x),distinct(c),sum(n),mean(w),"
    "min(t),max(c)";
constexpr const char* kMergedCalls =
    "count(),count(x),sum(x),mean(x),std(x),var(n),min(x),max(n),first(x),last(t),sum(n),sum(w),std(w),min(t),max(c)";

TEST_CASE("0 and -0 are one key") {
  const auto keys = [](std::vector<double> values) {
    Table table;
    table.add("r", make_column(std::move(values)));
    return answer(table, "r", "count(),min(r)");
  };
  CHECK(keys({0.0, -0.0, 1.5, -0.0}) == keys({-0.0, 0.0, -0.0, 1.5}));
  CHECK(keys({0.0, -0.0, 1.5, -0.0}).find("\n0.0 3 -0.0 ") != std::string::npos);
  CHECK(keys({-1.0, -0.0, NAN}).find("\n0.0 1 -0.0 ") != std::string::npos);
  CHECK(keys({-0.0, -0.0}).find("\n0.0 2 -0.0 ") != std::string::npos);
}

TEST_CASE("the same bytes for any chunk size, workers and memory") {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    RandomTable random(seed);
    const Table table = random.make(1 + int64_t(random.below(3000)), 1 + random.below(200));
    for (const char* by : {"", "k", "t", "c,k", "r,t", "w", "w,r,k,t"}) {
      for (const char* calls : {kAllCalls, kMergedCalls}) {
        CAPTURE(seed);
        CAPTURE(by);
        const std::string expected = answer(table, by, calls);
        REQUIRE(expected.starts_with(by[0] ? std::string(by).substr(0, 1) : "count()"));
        CHECK(answer(table, by, calls, "", "", 1 + int64_t(random.below(100)), 1) == expected);
        CHECK(answer(table, by, calls, "", "", 1 + int64_t(random.below(1000)), 3) == expected);
        CHECK(answer(table, by, calls, "", "", 0, 7) == expected);
      }
    }
  }
}

/// Groups by brute force: text of the keys -> rows, in the order of the answer.
std::string brute_force(const Table& table) {
  std::map<int64_t, std::vector<int64_t>> groups;  // missing last
  for (int64_t row = 0; row < table.num_rows(); ++row)
    groups[table.find("k")->is_null(row) ? INT64_MAX : table.find("k")->as<int64_t>()[size_t(row)]].push_back(row);
  const Column &x = *table.find("x"), &n = *table.find("n"), &t = *table.find("t");
  std::string out = "k count() count(x) mean(n) min(x) max(n) median(n) quantile(x,0.25) first(n) last(t) distinct(t) sum(n) ";
  for (const auto& [key, rows] : groups) {
    std::vector<double> xs, ns;
    std::set<std::string> texts;
    double sum = 0;
    std::string first = "-", last = "-";
    for (const int64_t row : rows) {
      if (!io::is_missing_cell(x, row)) xs.push_back(x.number(row));
      if (!n.is_null(row)) ns.push_back(n.number(row)), sum += n.number(row), first = first == "-" ? cell(n, row) : first;
      if (!t.is_null(row)) last = cell(t, row), texts.insert(last);
    }
    std::sort(xs.begin(), xs.end()), std::sort(ns.begin(), ns.end());
    const auto shown = [](double value) { return cell(make_column(std::vector<double>{value}), 0); };
    const auto quantile = [&](const std::vector<double>& v, double q) {
      if (v.empty()) return std::string("-");
      const double place = q * double(v.size() - 1), part = place - std::floor(place);
      const double low = v[size_t(place)], high = v[std::min(size_t(place) + 1, v.size() - 1)];
      return shown(part == 0 ? low : part == 0.5 ? (low + high) / 2 : part < 0.5 ? low + (high - low) * part : high - (high - low) * (1 - part));
    };
    out += fmt::format("\n{} {} {} {} {} {} {} {} {} {} {} {} ", key == INT64_MAX ? "-" : std::to_string(key), rows.size(), xs.size(),
                       ns.empty() ? "-" : shown(sum / double(ns.size())), xs.empty() ? "-" : shown(xs[0]),
                       ns.empty() ? "-" : fmt::format("{}", int(ns.back())), quantile(ns, 0.5), quantile(xs, 0.25), first, last, texts.size(),
                       int64_t(sum));
  }
  return out;
}

TEST_CASE("answers are those of brute force") {
  for (uint64_t seed = 100; seed < 140; ++seed) {
    RandomTable random(seed);
    const Table table = random.make(1 + int64_t(random.below(2000)), 1 + random.below(100));
    CAPTURE(seed);
    CHECK(answer(table, "k", "count(),count(x),mean(n),min(x),max(n),median(n),quantile(x,0.25),first(n),last(t),distinct(t),sum(n)", "", "", 97,
                 2) == brute_force(table));
  }
}

TEST_CASE("sums by many groups, whose parts need more words so that rows are not unpacked all the time") {
  constexpr int64_t kGroups = 60'000, kRows = 200'000;
  RandomTable random(9);
  std::vector<int64_t> key, small, large;
  std::vector<double> real, sums(kGroups, 0), smalls(kGroups, 0), larges(kGroups, 0);
  for (int64_t row = 0; row < kRows; ++row) {
    key.push_back(int64_t(random.below(kGroups))), small.push_back(int64_t(random.below(5))),
        large.push_back(int64_t(random.below(100'000)) - 50'000);
    real.push_back(double(int64_t(random.below(1 << 20))) / 8 - 999);
    const size_t group = size_t(key.back());
    smalls[group] += double(small.back()), larges[group] += double(large.back()), sums[group] += real.back();
  }
  std::string wanted = "k sum(a) sum(b) sum(x) ";
  std::vector<bool> there(kGroups);
  for (const int64_t k : key) there[size_t(k)] = true;
  for (size_t group = 0; group < kGroups; ++group) {
    if (!there[group]) continue;
    wanted += "\n" + std::to_string(group) + " " + std::to_string(int64_t(smalls[group])) + " " + std::to_string(int64_t(larges[group])) + " ";
    io::append_cell_text(make_column(std::vector<double>{sums[group]}), 0, &wanted);
    wanted += " ";
  }
  Table table;
  table.add("k", make_column(std::move(key))), table.add("a", make_column(std::move(small)));
  table.add("b", make_column(std::move(large))), table.add("x", make_column(std::move(real)));
  CHECK(answer(table, "k", "sum(a),sum(b),sum(x)") == wanted);
  CHECK(answer(table, "k", "sum(a),sum(b),sum(x)", "", "", 30'000, 3) == wanted);
}

TEST_CASE("rows go to disk and nothing changes") {
  RandomTable random(7);
  const Table table = random.make(400'000, 100'000);
  for (const char* calls : {"count(),sum(x),std(x),first(n)", "median(x),distinct(n),count()"}) {
    Outcome in_memory, spilled;
    const std::string expected = answer(table, "w,k", calls, "", "", 0, 2, kMemory, &in_memory);
    CHECK(answer(table, "w,k", calls, "", "", 50'000, 3, int64_t{40} << 20, &spilled) == expected);
    CHECK(in_memory.spilled_bytes == 0);
    CHECK(spilled.spilled_bytes > 0);
  }
}

TEST_CASE("one key far away does not spoil the partitions; one huge group is refused where all its rows are needed") {
  std::vector<int64_t> keys;
  std::vector<double> values;
  for (int64_t i = 0; i < 700'000; ++i) keys.push_back(i % 300'000), values.push_back(double(i));
  keys[5] = int64_t{1} << 62;
  Table table;
  table.add("k", make_column(std::move(keys)));
  table.add("x", make_column(std::move(values)));
  table.add("one", make_column(std::vector<int64_t>(700'000, 1)));
  const std::string expected = answer(table, "k", "sum(x),count(),median(x)");
  CHECK(answer(table, "k", "sum(x),count(),median(x)", "", "", 0, 2, int64_t{20} << 20) == expected);
  CHECK(answer(table, "one", "median(x)", "", "", 0, 2, int64_t{20} << 20).find("median, quantile and distinct need all of them") !=
        std::string::npos);
  CHECK(answer(table, "one", "median(x)").ends_with("1 349999.5 "));
  // Many outputs are those of one group, not of each of its rows.
  std::string calls = "median(x)";
  for (int i = 1; i < 40; ++i) calls += fmt::format(",std({})", i % 2 ? "x" : "k");
  const Table part = take(table, [] {
    std::vector<int64_t> rows(30'000);
    std::iota(rows.begin(), rows.end(), 6);
    return rows;
  }());
  CHECK(answer(part, "one", calls, "", "", 0, 2, int64_t{20} << 20) == answer(part, "one", calls));
}

TEST_CASE("quantiles stand beside numbers of distinct values of the same column, in any order") {
  Table table;
  table.add("x", make_column(std::vector<double>{0, 3, 0, 7, -0.0, 3}));
  CHECK(answer(table, "", "distinct(x),median(x),quantile(x,0),quantile(x,0.2)").ends_with("3 1.5 -0.0 0.0 "));
  CHECK(answer(table, "", "quantile(x,0.9),distinct(x),quantile(x,0.6),median(x)").ends_with("5.0 3 3.0 1.5 "));
}

TEST_CASE("conditions before and after") {
  Table table;
  const std::string names[] = {"b", "a", "b", "c", "a", "b"};
  table.add("g", make_text_column(names));
  table.add("x", make_column(std::vector<double>{1, 2, 3, NAN, 5, 6}));
  CHECK(answer(table, "g", "count(),sum(x)", "x > 1") == "g count() sum(x) \n'a' 2 7.0 \n'b' 2 9.0 ");
  CHECK(answer(table, "g", "count()", "", "count() > 1 and mean(x) < 3.4") == "g count() \n'b' 3 ");
  CHECK(answer(table, "g", "sum(x)", "", "g = 'c' or sum(x) > 9") == "g sum(x) \n'b' 10.0 \n'c' 0.0 ");
  CHECK(answer(table, "g", "mean(x),std(x),min(x),median(x)", "g = 'c'") == "g mean(x) std(x) min(x) median(x) \n'c' - - - - ");
  CHECK(answer(table, "", "count(),mean(x)") == "count() mean(x) \n6 3.4 ");
  CHECK(answer(table, "g", "count()", "x > 100") == "g count() ");
  CHECK(answer(table, "g", "count()", "", "g > 1").find("cannot be compared") != std::string::npos);
}

TEST_CASE("without keys all rows are one group, none too") {
  Table table;
  table.add("x", make_column(std::vector<double>{1, 2, 3}));
  table.add("k", make_text_column(std::vector<std::string>{"a", "b", "a"}));
  for (const int workers : {1, 4}) {
    CHECK(answer(table, "", "count(),sum(x),max(x)", "x > 5", "", 0, workers) == "count() sum(x) max(x) \n0 0.0 - ");
    CHECK(answer(table, "", "count(),median(x),distinct(k),first(k)", "x > 5", "", 1, workers) ==
          "count() median(x) distinct(k) first(k) \n0 - 0 - ");
    CHECK(answer(take(table, {}), "", "count(),mean(x)", "", "", 0, workers) == "count() mean(x) \n0 - ");
    CHECK(answer(take(table, {}), "", "count(),median(x)", "", "", 0, workers) == "count() median(x) \n0 - ");
    CHECK(answer(table, "", "count()", "x > 5", "count() > 0", 0, workers) == "count() ");
    CHECK(answer(table, "", "count(),median(x)", "x > 1", "", 0, workers) == "count() median(x) \n2 2.5 ");
    CHECK(answer(table, "k", "count()", "x > 5", "", 0, workers) == "k count() ");
  }
}

TEST_CASE("infinities, signed zeros and the widest integers") {
  Table table;
  table.add("g", make_column(std::vector<int32_t>{1, 1, 2, 2, 3, 3}));
  table.add("x", make_column(std::vector<double>{INFINITY, 1, INFINITY, -INFINITY, -0.0, 0.0}));
  table.add("n", make_column(std::vector<int64_t>{INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MAX}));
  CHECK(answer(table, "g", "sum(x),mean(x),std(x),max(x),distinct(x)") ==
        "g sum(x) mean(x) std(x) max(x) distinct(x) \n1 inf inf - inf 2 \n2 - - - inf 2 \n3 0.0 0.0 0.0 0.0 1 ");
  CHECK(answer(table, "g", "sum(n),mean(n),min(n)") ==
        "g sum(n) mean(n) min(n) \n1 1.8446744073709552e+19 9.223372036854776e+18 9223372036854775807 \n"
        "2 -1.8446744073709552e+19 -9.223372036854776e+18 -9223372036854775808 \n3 -1.0 -0.5 -9223372036854775808 ");
}

TEST_CASE("names are checked before anything is computed") {
  Table table;
  table.add("age", make_column(std::vector<double>{1}));
  table.add("city", make_text_column(std::vector<std::string>{"x"}));
  CHECK(answer(table, "city", "mean(aeg)") == "unknown column 'aeg'");
  CHECK(answer(table, "ciyt", "mean(age)") == "unknown column 'ciyt'");
  CHECK(answer(table, "city", "maen(age)") == "unknown aggregate 'maen'");
  CHECK(answer(table, "city", "mean(city)") == "mean needs numbers, column 'city' is text");
  CHECK(answer(table, "city", "quantile(age,2)") == "quantile takes a number from 0 to 1, not '2'");
  CHECK(answer(table, "city", "mean()") == "mean takes one column");
  CHECK(answer(table, "city", "mean") == "an aggregate is written as a call");
  CHECK(answer(table, "city", "count(),count()") == "'count()' is asked for twice");
  CHECK(answer(table, "city,city", "count()") == "'city' is asked for twice");
}

TEST_CASE("a full disk and cut temporary data are errors") {
  auto file = io::TemporaryFile::create();
  REQUIRE(file.ok());
  char byte = 0;
  CHECK(!file.value().read_at(0, &byte, 1).ok());
  REQUIRE(file.value().write_at(0, &byte, 1).ok());
  CHECK(file.value().read_at(0, &byte, 1).ok());
  CHECK(file.value().read_at(0, &byte, 2).error().what == "temporary data was cut off");

  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small = {1 << 20, before.rlim_max};
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  RandomTable random(9);
  const Table table = random.make(400'000, 100'000);
  const std::string said = answer(table, "w", "median(x)", "", "", 50'000, 2, int64_t{20} << 20);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old);
  CHECK(said.starts_with("cannot write temporary data"));
}

}  // namespace
namespace {

/// The table with nulls in every seventh row of every column.
Table with_holes(Table table) {
  for (Column& column : table.columns) {
    std::vector<uint8_t> bits(size_t(column.length + 7) / 8, 0xFF);
    for (int64_t row = 0; row < column.length; row += 7) bits[size_t(row >> 3)] = uint8_t(bits[size_t(row >> 3)] & ~(1 << (row & 7)));
    column.validity = make_buffer(std::move(bits));
  }
  return table;
}

struct Optimized {
  Table table;
  std::string statistics;
};
Optimized optimize(const Table& table, int64_t chunk_rows) {
  exec::Pool pool(2);
  exec::Steps steps;
  const auto chunks = io::chunks_of(table, chunk_rows);
  const auto plan = plan_shrink(*chunks, {}, pool, kMemory, steps, {});
  REQUIRE(plan.ok());
  const auto smaller = shrink(table, plan.value(), pool);
  REQUIRE(smaller.ok());
  return {smaller.value(), plan.value().statistics};
}

}  // namespace

TEST_CASE("aggregate: statistics of optimize spare a pass, and a table that is another one by now is still answered right") {
  RandomTable random(5);
  std::vector<int64_t> keys, wides;
  std::vector<double> reals;
  std::vector<std::string> words;
  for (int i = 0; i < 20'000; ++i) {
    keys.push_back(int64_t(random.below(50)) - 20), wides.push_back(int64_t(random.bits() >> 8) - (int64_t{1} << 54));
    reals.push_back(random.real()), words.push_back("w" + std::to_string(random.below(9)));
  }
  Table plain;
  plain.add("k", make_column(keys)), plain.add("wide", make_column(wides)), plain.add("x", make_column(reals)),
      plain.add("w", make_text_column(words));
  const std::string calls = "count(),sum(k),mean(wide),sum(x),std(x),min(x),max(wide),first(x),count(w)";
  for (const Table& table : {plain, with_holes(plain)}) {
    const auto [smaller, statistics] = optimize(table, 3000);
    REQUIRE(smaller.find("w")->dtype == Dtype::category);
    for (const char* by : {"w", "k", "k,w", "", "wide"}) {
      CAPTURE(by);
      const std::string expected = answer(smaller, by, calls, "", "count() > 1");
      Outcome outcome;
      for (const int64_t chunk : {0, 777}) {
        CHECK(answer(smaller, by, calls, "", "count() > 1", chunk, 2, kMemory, &outcome, statistics) == expected);
        CHECK(outcome.used_statistics);
      }
      // Rows taken away, put in twice, or with other values: what is claimed holds for some of them, or for all but one.
      std::vector<Table> others = {slice(smaller, 1, 19'999), slice(smaller, 0, 10'000)};
      Table other = smaller;
      *const_cast<Column*>(other.find("k")) = make_column(std::vector<int64_t>(20'000, 1000));
      others.push_back(other);
      other = smaller;
      reals[19'999] = 1e300;
      *const_cast<Column*>(other.find("x")) = make_column(reals);
      others.push_back(other);
      other = smaller;
      *const_cast<Column*>(other.find("w")) = make_category_column(std::vector<int32_t>(20'000, 1), std::vector<std::string>{"w1", "new"});
      others.push_back(other);
      others.push_back(with_holes(smaller));
      for (const Table& edited : others) {
        const std::string right = answer(edited, by, calls);
        for (const int64_t chunk : {0, 777}) CHECK(answer(edited, by, calls, "", "", chunk, 2, kMemory, &outcome, statistics) == right);
      }
    }
    for (const char* lie :
         {"", "{", "[]", "{\"rows\":-1,\"columns\":[]}", "{\"rows\":20000,\"columns\":[{\"name\":\"k\",\"dtype\":\"int8\",\"missing\":0}]}",
          "{\"rows\":20000,\"columns\":[{\"name\":\"k\",\"dtype\":\"int8\",\"missing\":0,\"least\":\"5\",\"greatest\":\"4\"}]}"})
      CHECK(answer(smaller, "k", calls, "", "", 0, 2, kMemory, nullptr, lie) == answer(smaller, "k", calls));
  }
}

}  // namespace hayate::aggregate
