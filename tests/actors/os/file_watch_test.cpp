// A watch of files sees whole replacements, and nothing before a file is complete.
#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <patio/actors/os/file_watch.hpp>

using patio::file_watch;
namespace fs = std::filesystem;

namespace {

/// A folder with two files, and a watch of both.
class watch_test {
public:
  watch_test() {
    write(first);
    write(second);
    (void)watch.take_replaced();
  }
  ~watch_test() { fs::remove_all(folder); }
  watch_test(const watch_test&) = delete;
  watch_test& operator=(const watch_test&) = delete;

  static void write(const fs::path& path) { std::ofstream{path} << "content"; }

  fs::path folder = [] {
    auto name = fs::temp_directory_path() / ("patio_watch." + std::to_string(::getpid()));
    fs::create_directory(name);
    return name;
  }();
  fs::path first = folder / "first", second = folder / "second", other = folder / "other";
  file_watch watch = file_watch::start({first, second}).value();
};

using numbers = std::vector<std::size_t>;

} // namespace

TEST_CASE("file_watch: a file that is renamed to the path has replaced it") {
  watch_test t;
  watch_test::write(t.other);
  CHECK(t.watch.take_replaced().empty());
  fs::rename(t.other, t.second);
  CHECK(t.watch.take_replaced() == numbers{1});
  CHECK(t.watch.take_replaced().empty());
}

TEST_CASE("file_watch: a file that is written counts once its writer has closed it") {
  watch_test t;
  std::ofstream writer{t.first};
  writer << "half" << std::flush;
  CHECK(t.watch.take_replaced().empty());
  writer.close();
  CHECK(t.watch.take_replaced() == numbers{0});
  fs::remove(t.first);
  CHECK(t.watch.take_replaced().empty());
  std::ofstream again{t.first};
  CHECK(t.watch.take_replaced().empty());
  again.close();
  CHECK(t.watch.take_replaced() == numbers{0});
}

TEST_CASE("file_watch: a symbolic link counts when it is made") {
  watch_test t;
  fs::remove(t.first);
  fs::create_symlink(t.second, t.first);
  CHECK(t.watch.take_replaced() == numbers{0});
}

TEST_CASE("file_watch: a folder may be removed, and made again") {
  watch_test t;
  fs::rename(t.folder, t.folder.string() + ".old");
  CHECK(t.watch.take_replaced().empty());
  CHECK(t.watch.is_incomplete());
  fs::create_directory(t.folder);
  watch_test::write(t.second);
  CHECK(t.watch.take_replaced() == numbers{1});
  CHECK_FALSE(t.watch.is_incomplete());
  fs::rename(t.other.parent_path().string() + ".old/first", t.first);
  CHECK(t.watch.take_replaced() == numbers{0});
  fs::remove_all(t.folder.string() + ".old");
}

TEST_CASE("file_watch: a folder that does not exist is named in the error") {
  auto refused = file_watch::start({"/nowhere/module.so"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message
        == "the folder of '/nowhere/module.so' cannot be watched: No such file or directory");
}
