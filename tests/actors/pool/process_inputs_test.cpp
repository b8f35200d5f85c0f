// The arguments and files of worker processes, their replacement, and probes of workers.
#include <sys/mman.h>

#include <patio/actors/pool/process_probe.hpp>
#include <patio/actors/pool/worker_inputs.hpp>

#include "pool/process_fixture.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const unique_fd> file_with(const std::string& text) {
  unique_fd fd{::memfd_create("input", MFD_CLOEXEC)};
  REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return std::make_shared<const unique_fd>(std::move(fd));
}

worker_inputs inputs_with(const std::string& argument, const std::string& text) {
  return {.arguments = {argument}, .files = {file_with(text)}};
}

/// A pool whose workers return their inputs.
struct inputs_test : process_test {
  explicit inputs_test(std::shared_ptr<replaceable_inputs> given, std::size_t workers = 2)
      : process_test{{.workers = workers, .inputs = given}}, inputs{std::move(given)} {}
  inputs_test(const std::string& argument, const std::string& text, std::size_t workers = 2)
      : inputs_test{std::make_shared<replaceable_inputs>(inputs_with(argument, text)), workers} {}

  void check_inputs(const std::string& argument, const std::string& text) {
    CHECK(call("inputs").value() == value::tuple({argument, text}));
  }

  std::shared_ptr<replaceable_inputs> inputs;
};

} // namespace

TEST_CASE("process pool: workers get arguments and files, and others after a replacement") {
  inputs_test p{"one", "first"};
  p.check_inputs("one", "first");
  for (int i = 0; i < 20; ++i) {
    auto argument = std::to_string(i);
    p.inputs->replace(inputs_with(argument, "text " + argument));
    p.check_inputs(argument, "text " + argument);
  }
}

TEST_CASE("process pool: a call that runs during a replacement ends on its old worker") {
  inputs_test p{"one", "first"};
  fifo started, go_on;
  auto running = p.start("meet", {started.path(), go_on.path()});
  started.await();
  p.inputs->replace(inputs_with("two", "second"));
  p.check_inputs("two", "second");
  {
    unique_fd release{::open(go_on.path().c_str(), O_WRONLY | O_CLOEXEC)};
    CHECK(::write(release.get(), "x", 1) == 1);
    CHECK(ended(running).has_value());
  }
  p.check_inputs("two", "second");
}

TEST_CASE("process pool: a worker that is lost after a replacement gets the new inputs") {
  inputs_test p{"one", "first", 1};
  p.check_inputs("one", "first");
  p.inputs->replace(inputs_with("two", "second"));
  CHECK(error_of(p.start("exit", {3})).message == "worker lost: exit status 3");
  p.check_inputs("two", "second");
}

TEST_CASE("process pool: inputs may outlive their pool") {
  auto inputs = std::make_shared<replaceable_inputs>(inputs_with("one", "first"));
  { inputs_test p{inputs}; }
  inputs->replace(inputs_with("two", "second"));
  CHECK(inputs->current()->arguments == std::vector<std::string>{"two"});
}

TEST_CASE("probe_worker: returns the functions of a worker, or why it has none") {
  auto functions = probe_worker({});
  REQUIRE(functions.has_value());
  CHECK(functions->size() == process_functions().size());
  CHECK(functions->front().first == "actor");
  auto refused = [](const char* name) {
    variant v{name};
    return probe_worker({}).error();
  };
  CHECK(refused("throws").code == errc::invalid);
  CHECK(refused("throws").message.find("no model") != std::string::npos);
  CHECK(refused("exits").code == errc::maybe_executed);
  CHECK(refused("exits").message == "exit status 3");
  CHECK(refused("aborts").message == "signal 6 (SIGABRT)");
}

TEST_CASE("probe_worker: gives up a worker that does not answer") {
  variant v{"hangs"};
  CHECK(probe_worker({}, 100ms).error().code == errc::timeout);
}
