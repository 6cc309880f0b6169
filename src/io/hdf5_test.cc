#include "io/hdf5.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "exec/process.h"
#include "io/cell_text.h"
#include "io/pickle_text.h"
#include "io/scratch_folder.h"
#include "io/writer.h"

namespace hayate::io {
namespace {

TEST_CASE("plain pickles") {
  const auto names = read_pickle_text("(lp0\nVage\np1\naV\\u65e5\\u672c\np2\nag1\na.");
  REQUIRE(names);
  REQUIRE(names->array()->size() == 3);
  CHECK(*(*names->array())[1].text() == "日本");
  CHECK(*(*names->array())[2].text() == "age");
  CHECK(read_pickle_text("(dp0\nI1\n(dp1\nVnames\np2\n(lp3\nNasVtype\np4\nVIndex\np5\nss.")->find("1"));
  CHECK(read_pickle_text("N.")->is_null());
  for (const char* bad : {"", "(", "a.", "s.", "(lp0\n", "cos\nsystem\n(Vls\ntR.", "V\\uD800\n.", "I1x\n.", "g5\n.", "(l(l.", "(l(laN."}) {
    CAPTURE(bad);
    CHECK(!read_pickle_text(bad));
  }
  const Json value = {Json::Array{{std::string("a\\b\n\"é日\U0001F600")}, {int64_t{5}}, {}}};
  const auto back = read_pickle_text(write_pickle_text(value));
  REQUIRE(back);
  CHECK(*(*back->array())[0].text() == "a\\b\n\"é日\U0001F600");
  CHECK(*(*back->array())[1].integer() == 5);
  CHECK((*back->array())[2].is_null());
}

TEST_CASE("a table through HDF5 comes back") {
  if (!hdf5_is_built()) return;
  const ScratchFolder folder;
  Table table;
  Column text = make_text_column(std::vector<std::string>{"a,\"b\"\nc", "nan", "", "日本"});
  text.validity = make_buffer(std::vector<uint8_t>{0b1011});
  table.add("text", std::move(text));
  table.add("日", make_date_column({0, 19000, -5, 1}));
  table.add("time", make_timestamp_column({0, 1, -1, 1'700'000'000'000'000}, "UTC"));
  table.add("x", make_column(std::vector<double>{1.5, NAN, -0.0, INFINITY}));
  table.add("f", make_column(std::vector<float>{1.5f, 2, 3, 4}));
  table.add("n", make_column(std::vector<int64_t>{INT64_MIN, INT64_MAX, 0, 1}));
  Column flags;
  flags.dtype = Dtype::boolean, flags.length = 4, flags.values = make_buffer(std::vector<uint8_t>{0b0101});
  table.add("flag", std::move(flags));
  REQUIRE(write_table(folder / "a.h5", table).ok());
  const auto back = read_table(folder / "a.h5");
  REQUIRE(back.ok());
  CHECK(back.value().names == table.names);
  for (size_t c = 0; c < table.num_columns(); ++c) {
    CAPTURE(table.names[c]);
    CHECK(back.value().columns[c].dtype == table.columns[c].dtype);
    CHECK(back.value().columns[c].zone == table.columns[c].zone);
    for (int64_t row = 0; row < 4; ++row) {
      REQUIRE(is_missing_cell(back.value().columns[c], row) == is_missing_cell(table.columns[c], row));
      if (c == 0)
        CHECK(back.value().columns[c].text(row) == table.columns[c].text(row));
      else if (!is_missing_cell(table.columns[c], row))
        CHECK(back.value().columns[c].number(row) == table.columns[c].number(row));
    }
  }
  std::vector<Table> pieces;
  const auto keep = [&](const Table& piece) { return pieces.push_back(piece), Result<void>(); };
  REQUIRE(parse_hdf5_pieces(folder / "a.h5", {}, 1, keep).ok());
  REQUIRE(pieces.size() == 4);
  for (int64_t row = 0; row < 4; ++row) CHECK(pieces[size_t(row)].columns[5].number(0) == table.columns[5].number(row));
  const auto two = parse_hdf5_file(folder / "a.h5", {"n", "text"});
  REQUIRE(two.ok());
  CHECK(two.value().names == std::vector<std::string>{"n", "text"});
  CHECK(parse_hdf5_file(folder / "a.h5", {"nn"}).error().kind == Kind::usage);
  REQUIRE(write_file(folder / "bad.h5", "no HDF5").ok());
  CHECK(!parse_hdf5_file(folder / "bad.h5", {}).ok());
}

TEST_CASE("HDF5: whatever becomes of the worker process, an Error says it") {
  const ScratchFolder folder;
  const std::string file = folder / "a.h5", program = folder / "worker";
  std::ofstream(file) << "x";
  const auto worker = [&](const std::string& script) {
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    exec::set_worker_program(program);
    ReadOptions options;
    options.timeout_seconds = 0.3;
    const auto read = read_table(file, options);
    exec::set_worker_program("");
    REQUIRE_FALSE(read.ok());
    return read.error();
  };
  const double began = wall_seconds();
  CHECK(worker("sleep 100").what.find("did not finish in 300 ms") != std::string::npos);
  CHECK(wall_seconds() - began < 5);
  CHECK(worker("kill -SEGV $$").what.find("crashed on this file") != std::string::npos);
  const Error killed = worker("echo x >>" + (folder / "times") + "; kill -9 $$");
  CHECK(killed.kind == Kind::io);
  CHECK(killed.what.find("again and again") != std::string::npos);
  CHECK(std::filesystem::file_size(folder / "times") == 2 * 9);  // once, and eight times more
  CHECK(worker("exit 1").what.find("gave up") != std::string::npos);
  const Error shortage = worker(R"(echo '{"error":{"kind":"budget","what":"too much","where":"a","hint":"raise it"}}'; exit 1)");
  CHECK(shortage.kind == Kind::budget);
  CHECK(shortage.hint == "raise it");
}

TEST_CASE("HDF5: a worker process that was killed is started again, and its answer is whole") {
  if (!hdf5_is_built()) return;
  const ScratchFolder folder;
  Table table;
  table.add("x", make_column(std::vector<double>{1, 2, 3}));
  REQUIRE(write_table(folder / "a.h5", table).ok());
  REQUIRE(write_table(folder / "a.arrow", table).ok());
  // Killed twice, the second time in the middle of its answer.
  const std::string program = folder / "worker", seen = folder / "seen", answer = folder / "a.arrow";
  std::ofstream(program) << "#!/bin/sh\nif [ ! -e " << seen << " ]; then touch " << seen << "; kill -9 $$; fi\n"
                         << "if [ ! -e " << seen << "2 ]; then touch " << seen << "2; head -c 50 " << answer << " >&3; kill -9 $$; fi\n"
                         << "cat " << answer << " >/proc/self/fd/3\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  exec::set_worker_program(program);
  const auto back = read_table(folder / "a.h5");
  exec::set_worker_program("");
  REQUIRE(back.ok());
  CHECK(back.value().num_rows() == 3);
}

}  // namespace
}  // namespace hayate::io
