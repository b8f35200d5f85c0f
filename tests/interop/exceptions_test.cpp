// Exceptions of a real Python patio 0.1.4 server arrive at a C++ caller as Python prints them.
#include <doctest/doctest.h>

#include <patio/patio.hpp>

#include "python_peer.hpp"

using namespace patio;

namespace {

/// A C++ node with one Python peer.
struct caller {
  system_config config;
  caf::actor_system system{config};
  tcp_broker_actor node = spawn_tcp_broker(system, null_executor(), {.key = "secret"});
  owned_broker<tcp_broker_actor> owner{node};
  patio::tests::python_peer peer{"server", "secret"};

  caller() { REQUIRE(connect(node, peer.where()).get()); }

  error raised(const std::string& name) {
    try {
      (void)call<value>(node, "raises", name).get();
    } catch (const call_error& e) {
      return e.why();
    }
    return {errc::invalid, "nothing was raised", {}};
  }
  std::string line(const std::string& name) {
    auto why = raised(name);
    CHECK(why.code == errc::remote_error);
    return to_string(why);
  }
};

} // namespace

TEST_CASE("interop: a Python exception arrives with its text, whatever it carries") {
  caller c;
  CHECK(c.line("file")
        == "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/a'");
  CHECK(c.line("rename")
        == "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/a' -> "
           "'/nonexistent/b'");
  CHECK(c.line("decimal") == "decimal.InvalidOperation: [<class 'decimal.ConversionSyntax'>]");
  CHECK(c.line("json")
        == "json.decoder.JSONDecodeError: Expecting value: line 1 column 2 (char 1)");
  CHECK(c.line("process")
        == "subprocess.CalledProcessError: Command '['false']' returned non-zero exit status 1.");
  CHECK(c.line("path") == "ValueError: /srv/data");
  CHECK(c.line("date") == "ValueError: 2024-02-29");
  CHECK(c.line("object").starts_with("ValueError: <"));
  CHECK(c.line("attribute") == "RuntimeError: x");
  auto cycle = c.line("cycle");
  CHECK(cycle.starts_with("ValueError: "));
  CHECK(cycle.find("undecodable") != std::string::npos);
}

TEST_CASE("interop: the notes of a Python exception arrive") {
  caller c;
  auto why = c.raised("noted");
  auto notes = why.exception.exception_notes();
  REQUIRE(notes.size() == 2);
  CHECK(notes[0] == value{"while reading line 17"});
  CHECK(notes[1] == value{"of a file"});
}
