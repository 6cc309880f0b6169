#include "base/fields.h"

#include <doctest/doctest.h>

using namespace hayate;

namespace {
struct Config {
  int64_t workers = 0;
  Bytes memory_limit;
  Seconds timeout{300};
  std::string dtype = "float32";
  bool quiet = false;
  std::vector<std::string> expr;
};
template <class Visitor>
void visit_fields(Config& c, Visitor&& field) {
  field("workers", c.workers, "CPU workers", Range{0, 1024});
  field("memory_limit", c.memory_limit, "peak memory");
  field("timeout", c.timeout, "per task");
  field("dtype", c.dtype, "type of a feature", Choices{{"float32", "float64"}});
  field("quiet", c.quiet, "no progress");
  field("expr", c.expr, "one feature", Argument{"NAME=EXPR"});
}
}  // namespace

TEST_CASE("fields: text becomes values with units") {
  Config c;
  FieldList fields = fields_of(c);
  REQUIRE(find_field(fields, "memory_limit")->set("2GB", "flag", "command line").ok());
  REQUIRE(find_field(fields, "timeout")->set("5m", "flag", "command line").ok());
  REQUIRE(find_field(fields, "expr")->set("a=1", "flag", "command line").ok());
  REQUIRE(find_field(fields, "expr")->set("b=2", "flag", "command line").ok());
  CHECK(c.memory_limit.value == 2'000'000'000);
  CHECK(c.timeout.value == 300.0);
  CHECK(c.expr == std::vector<std::string>{"a=1", "b=2"});
  CHECK(find_field(fields, "memory_limit")->flag() == "--memory-limit");
  CHECK(find_field(fields, "memory_limit")->environment() == "HAYATE_MEMORY_LIMIT");
}

TEST_CASE("fields: wrong values say what is right") {
  Config c;
  FieldList fields = fields_of(c);
  auto range = find_field(fields, "workers")->set("2000", "--workers", "command line");
  REQUIRE(!range.ok());
  CHECK(range.error().what == "workers must be between 0 and 1024, not '2000'");
  CHECK(range.error().hint == "--workers 0");
  CHECK(find_field(fields, "workers")->set("2000", "run.toml:3", "spec").error().hint == "workers = 0");
  CHECK(find_field(fields, "workers")->set("many", "HAYATE_WORKERS", "environment").error().hint == "HAYATE_WORKERS=0");
  CHECK(find_field(fields, "memory_limit")->set("much", "run.toml:3", "spec").error().hint == "memory_limit = \"2GB\", 512MiB or a number of bytes");
  auto choice = find_field(fields, "dtype")->set("flaot32", "--dtype", "command line");
  REQUIRE(!choice.ok());
  CHECK(choice.error().hint == "did you mean 'float32'?");
  CHECK(!find_field(fields, "memory_limit")->set("2 potatoes", "x", "command line").ok());
  CHECK(c.workers == 0);
}
