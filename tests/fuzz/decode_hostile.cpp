// Decodes hostile input while a filter forbids system calls. Two marks in the output enclose the
// decoding:
//   decode_hostile [--count N] [--free] [--open]
// --free sets no filter, so that strace can look. --open opens a file during the decoding, which
// the filter must notice.
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <iostream>

#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>

#include "hostile_pickles.hpp"
#include "seed.hpp"
#include "system_calls.hpp"

namespace {

struct choices {
  std::size_t count = 100'000;
  bool filter = true, open = false;
};

choices choices_of(std::vector<std::string_view> args) {
  choices c;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--free") c.filter = false;
    else if (args[i] == "--open") c.open = true;
    else if (args[i] == "--count" && i + 1 < args.size())
      c.count = std::stoull(std::string{args[++i]});
    else throw std::runtime_error{"unknown argument " + std::string{args[i]}};
  }
  return c;
}

/// Writes by one system call, which a trace shows.
void mark(std::string_view text) {
  if (write(STDOUT_FILENO, text.data(), text.size()) < 0) throw std::runtime_error{"cannot write"};
}

const std::string challenge = patio::protocol::login_challenge("0123456789abcdef");
const auto types = patio::python_types::standard().add("shop.models", "Order");

struct tally {
  std::size_t values = 0, with_objects = 0, calls = 0, logins = 0;

  void decode(std::string_view bytes) {
    values += patio::read_pickle(bytes).has_value();
    (void)patio::read_pickle(bytes, {}, patio::unknown_class::as_exception);
    with_objects += patio::read_pickle(bytes, {}, patio::unknown_class::refuse, types).has_value();
    calls += patio::read_call_request(bytes).has_value();
    logins += patio::protocol::check_login(bytes, challenge, "secret").has_value();
  }
};

void require_refused(const std::vector<std::string>& gadgets) {
  for (const auto& bytes : gadgets)
    if (patio::read_pickle(bytes)
        || patio::read_pickle(bytes, {}, patio::unknown_class::refuse, types)
        || patio::read_call_request(bytes, {}, types))
      throw std::runtime_error{"accepted: " + to_hex(bytes)};
}

void run(const choices& c) {
  auto seed = test_seed();
  std::cout << "PATIO_TEST_SEED=" << seed << std::endl;
  auto gadgets = gadget_pickles(), all = hostile_pickles();
  for (auto times = all.size() / 20; times > 0; --times)
    all.push_back(patio::protocol::login_answer(challenge, "secret", "salt"));
  // Damaged copies of the largest pickles would take most of the time, so these are decoded
  // undamaged only.
  auto small = all;
  std::erase_if(small, [](const std::string& bytes) { return bytes.size() > 2'000; });
  damaged_pickles damaged{std::move(small), seed};
  tally t;
  t.decode(all.front()); // initialises static data before the filter is set

  if (c.filter) forbid_system_calls();
  mark("decoding begins\n");
  require_refused(gadgets);
  for (const auto& bytes : all) t.decode(bytes);
  for (auto i = all.size(); i < c.count; ++i) {
    t.decode(damaged.next());
    if (c.open && i == c.count / 2) (void)open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  mark("decoding ended\n");
  if (t.with_objects <= t.values)
    throw std::runtime_error{"no object of a user's class was among the pickles"};
  mark(std::to_string(c.count) + " inputs: " + std::to_string(t.values) + " values ("
       + std::to_string(t.with_objects) + " with python_types), " + std::to_string(t.calls)
       + " calls, " + std::to_string(t.logins) + " logins\n");
}

} // namespace

int main(int argc, char** argv) try {
  run(choices_of({argv + 1, argv + argc}));
  _exit(0); // the usual end of a program makes other system calls
} catch (const std::exception& e) {
  mark(std::string{"decode_hostile: "} + e.what() + "\n");
  _exit(1);
}
