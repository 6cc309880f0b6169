#include "base/json.h"

#include <doctest/doctest.h>

#include <limits>

using hayate::JsonWriter;

TEST_CASE("json: objects, arrays, escapes, exact numbers") {
  JsonWriter json;
  json.object().key("a").array().value(1).value(0.1).value(true).null().end().key("b\"").value("x\ny\x01").key("c").object().end().end();
  CHECK(json.text() == R"({"a":[1,0.1,true,null],"b\"":"x\ny\u0001","c":{}})");
}

TEST_CASE("json: what has no number is null") {
  JsonWriter json;
  json.array().value(std::numeric_limits<double>::quiet_NaN()).value(-std::numeric_limits<double>::infinity()).end();
  CHECK(json.text() == "[null,null]");
}

TEST_CASE("json: indented") {
  JsonWriter json(2);
  json.object().key("a").value(1).key("b").array().value("x").end().end();
  CHECK(json.text() == "{\n  \"a\": 1,\n  \"b\": [\n    \"x\"\n  ]\n}");
}
