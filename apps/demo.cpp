#include "demo.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <ctime>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include <patio/value/integer.hpp>
#include <patio/version.hpp>

#include "alarm_clock.hpp"

namespace patio::apps {
namespace {

constexpr std::size_t max_integer_bytes =
  8 * 1024; // a peer's pickle reader refuses longer integers

[[noreturn]] void raise(const char* type, std::string text) {
  throw python_error{type, {std::move(text)}};
}

bool is_whole(const value& v) { return v.kind() == kind::integer || v.kind() == kind::boolean; }

integer whole(const value& v) { return *from_value<integer>(v); }

double real(const value& v, const char* operation) {
  if (auto d = from_value<double>(v)) return *d;
  raise("TypeError", std::string{"unsupported operand type for "} + operation + ": '"
                       + std::string{type_name(v.kind())} + "'");
}

[[noreturn]] void raise_too_large() {
  raise("OverflowError", "the result has more than 8192 bytes");
}

value bounded(const integer& i) {
  if (i.magnitude().size() > max_integer_bytes) raise_too_large();
  return i;
}

value multiply(const value& a, const value& b) {
  if (!is_whole(a) || !is_whole(b)) return real(a, "*") * real(b, "*");
  std::int64_t product = 0;
  auto x = from_value<std::int64_t>(a), y = from_value<std::int64_t>(b);
  if (x && y && !__builtin_mul_overflow(*x, *y, &product)) return product;
  return bounded(whole(a) * whole(b));
}

value mul(args xs) {
  value product = 1;
  for (const auto& x : xs) product = multiply(product, x);
  return product;
}

value divide(const value& a, const value& b) {
  auto x = real(a, "/"), y = real(b, "/");
  if (y == 0)
    raise("ZeroDivisionError",
          is_whole(a) && is_whole(b) ? "division by zero" : "float division by zero");
  return x / y;
}

value subtract(const value& a, const value& b) {
  if (is_whole(a) && is_whole(b)) return bounded(whole(a) - whole(b));
  return real(a, "-") - real(b, "-");
}

value whole_power(const integer& base, const integer& exponent) {
  bool odd =
    !exponent.magnitude().empty() && (static_cast<unsigned char>(exponent.magnitude()[0]) & 1) != 0;
  if (exponent == integer{0} || base == integer{1}) return 1;
  if (base == integer{0}) return 0;
  if (base == integer{-1}) return odd ? -1 : 1;
  // The base's magnitude is at least 2, so the result grows with the exponent. An estimate of the
  // result's bits refuses a result that would be too large before it is computed.
  auto steps = exponent.as_int64();
  auto base_bits = (base.magnitude().size() - 1) * 8 + 1;
  if (!steps || *steps > static_cast<std::int64_t>(max_integer_bytes * 8 / base_bits))
    raise_too_large();
  return bounded(base.pow(static_cast<std::uint64_t>(*steps)));
}

/// Returns nothing if a number on the way to the result does not fit into 64 bits.
std::optional<std::int64_t> short_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t r = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(r, base, &r)) return {};
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return {};
  }
  return r;
}

value power(const value& a, const value& b) {
  auto base = from_value<std::int64_t>(a), exponent = from_value<std::int64_t>(b);
  if (is_whole(a) && is_whole(b) && base && exponent && *exponent >= 0)
    if (auto r = short_power(*base, *exponent)) return *r;
  if (is_whole(a) && is_whole(b) && !whole(b).negative()) return whole_power(whole(a), whole(b));
  auto x = real(a, "**"), y = real(b, "**");
  if (x == 0 && y < 0) raise("ZeroDivisionError", "0.0 cannot be raised to a negative power");
  return std::pow(x, y);
}

value echo(args xs, kwargs named) {
  if (xs.size() == 1 && named.empty()) return xs.front();
  std::vector<dict_entry> entries;
  for (auto& [name, v] : named) entries.emplace_back(name, v);
  return value::tuple({value::tuple(std::move(xs)), value::dict(std::move(entries))});
}

void answer_after(alarm_clock& clock, reply_to<void> reply, double seconds) {
  if (!(seconds >= 0) || seconds > 86'400)
    raise("ValueError", "sleep length must be from 0 to 86400 seconds");
  auto wait =
    std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>{seconds});
  clock.wake(std::move(reply), std::chrono::steady_clock::now() + wait);
}

value fail_with(std::string type, args xs) { throw python_error{std::move(type), std::move(xs)}; }

std::tuple<std::string, std::int64_t, std::string> whoami() {
  std::ostringstream thread;
  thread << std::this_thread::get_id();
  return {"patio " PATIO_VERSION " (C++)", ::getpid(), thread.str()};
}

/// Computes for so many seconds of processor time, and returns the number of its rounds.
std::int64_t burn(double seconds) {
  if (!(seconds >= 0) || seconds > 86'400) raise("ValueError", "seconds must be from 0 to 86400");
  std::int64_t rounds = 0;
  auto end = static_cast<double>(std::clock()) + seconds * CLOCKS_PER_SEC;
  while (static_cast<double>(std::clock()) < end) ++rounds;
  return rounds;
}

/// Sends the signal to the own process. The default is SIGSEGV.
void crash(std::optional<std::int64_t> signal) {
  auto number = static_cast<int>(signal.value_or(SIGSEGV));
  if (::kill(::getpid(), number) != 0)
    raise("ValueError", std::to_string(number) + " is not the number of a signal");
}

/// Allocates so many MiB more, which stay allocated. Returns how many are allocated now.
std::int64_t leak(std::int64_t mib) {
  static std::vector<std::unique_ptr<char[]>> kept;
  if (mib < 0 || mib > 1 << 20) raise("ValueError", "mib must be from 0 to 1048576");
  for (; mib > 0; --mib) kept.push_back(std::make_unique<char[]>(std::size_t{1} << 20));
  return static_cast<std::int64_t>(kept.size());
}

} // namespace

registry demo_functions_of_processes() {
  auto rpc = demo_functions();
  rpc.add("burn(seconds)", burn, {.doc = "uses a processor for so long"});
  rpc.add("crash(signal)", crash, {.doc = "ends its worker process with a signal"});
  rpc.add("leak(mib)", leak, {.doc = "keeps so much memory"});
  return rpc;
}

registry demo_functions() {
  registry rpc{{.project = "demo", .auto_naming = false}};
  rpc.add("mul(*args)", mul, {.doc = "the product", .quick = true});
  rpc.add("div(a, b)", divide, {.doc = "a / b", .quick = true});
  rpc.add("pow(a, b)", power, {.doc = "a ** b"});
  rpc.add("sub(a, b)", subtract, {.doc = "a - b", .quick = true});
  rpc.add("echo", echo, {.doc = "the arguments", .quick = true});
  auto sleep = [clock = std::make_shared<alarm_clock>()](reply_to<void> reply, double seconds) {
    answer_after(*clock, std::move(reply), seconds);
  };
  rpc.add("sleep(seconds)", sleep, {.doc = "answers after so long"});
  rpc.add("fail(kind, *args)", fail_with,
          {.doc = "raises a built-in exception of Python", .quick = true});
  rpc.add("whoami", whoami, {.doc = "the node, its process and its thread"});
  return rpc;
}

} // namespace patio::apps
