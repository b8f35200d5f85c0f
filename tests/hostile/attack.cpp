#include "attack.hpp"

#include <array>
#include <vector>

#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>
#include <patio/tls/tls.hpp>

#include "hostile_pickles.hpp"
#include "raw_peer.hpp"

using namespace std::chrono_literals;

namespace patio::tests {

using namespace protocol;
namespace {

using login_kind = attack::login_kind;
using end_kind = attack::end_kind;
using source = std::mt19937_64;

std::string call(std::uint32_t serial, const std::string& name, std::vector<value> args) {
  std::string payload;
  (void)write_call_request({name, {std::move(args), {}}, {}}, payload);
  return frame_of(packet::request, serial, payload);
}

std::string calls(std::uint32_t count, const std::string& name, const std::vector<value>& args) {
  std::string all;
  for (std::uint32_t i = 0; i < count; ++i) all += call(10 + i, name, args);
  return all;
}

std::string noise(source& random, std::size_t size) {
  std::string all(size, '\0');
  for (auto& c : all) c = static_cast<char>(random());
  return all;
}

/// A well-formed login for another key and another challenge.
std::string wrong_login() {
  return frame_of(packet::auth_request, 1,
                  login_answer(login_challenge("0123456789abcdef"), "key", "salt"));
}

attack false_length_before_login(source& random) {
  static constexpr std::array<const char*, 4> sizes{"\x01\x00\x00\x04\x01", "\x01\x7f\xff\xff\xff",
                                                    "\x01\x80\x00\x00\x00", "\x01\xff\xff\xff\xff"};
  return {.name = "false length before the login",
          .bytes = std::string(sizes[random() % 4], 5) + std::string("\0\0\0\1", 4)};
}
attack false_length(source& random) {
  static constexpr std::array<const char*, 3> sizes{"\x0a\x01\x00\x00\x01", "\x0a\x80\x00\x00\x00",
                                                    "\x0a\xff\xff\xff\xff"};
  return {.name = "false length",
          .login = login_kind::right,
          .bytes = std::string(sizes[random() % 3], 5) + std::string("\0\0\0\1", 4)};
}
attack slow_login(source&) {
  return {.name = "slow login", .bytes = wrong_login(), .interval = 1s, .delay = 1s};
}
attack silence(source&) { return {.name = "silence", .delay = 6s}; }
attack replayed_login(source&) { return {.name = "replayed login", .login = login_kind::replayed}; }
attack wrong_key(source&) { return {.name = "wrong key", .login = login_kind::wrong}; }
attack random_bytes(source& random) {
  return {.name = "random bytes", .bytes = noise(random, 512)};
}
attack http_request(source&) { return {.name = "HTTP request", .bytes = "GET / HTTP/1.1\r\n\r\n"}; }

attack tls_hello(source&) {
  static const auto hello = [] {
    auto tls =
      tls::context::make({.verify = tls_options::verification::insecure_accept_any_server});
    return (*tls->connect("node.example"))->output();
  }();
  return {.name = "TLS ClientHello", .bytes = hello};
}

/// A list that repeats one text, with two bytes for each repetition.
std::string repeated_name(std::size_t length, int times) {
  std::string all = "\x80\x04\x58"; // BINUNICODE
  for (int shift = 0; shift < 32; shift += 8) all += static_cast<char>(length >> shift);
  all += std::string(length, 'n') + "\x94\x30]("; // MEMOIZE, POP
  for (int i = 0; i < times; ++i) all += std::string("h\0", 2);
  return all + "e.";
}
attack name_bomb(source& random) {
  // The first has exactly as many names as are allowed, each of the maximal length. The second
  // takes 1.2 GiB if a decoder copies the names before it counts their bytes.
  static const std::array bombs{repeated_name(512, 10'000), repeated_name(1 << 16, 20'000)};
  return {.name = "bomb of names in discovery",
          .login = login_kind::right,
          .names = bombs[random() % bombs.size()]};
}
attack discovery_flood(source& random) {
  static const auto questions = [] {
    std::string all;
    for (std::uint32_t i = 0; i < 10'000; ++i)
      all += frame_of(packet::discover_request, 10 + i, "\x80\x05N.");
    return all;
  }();
  return {.name = "flood of DISCOVER_REQUEST",
          .login = login_kind::right,
          .bytes = questions,
          .reads = random() % 2 == 0};
}

attack pickle_bomb(source& random) {
  static const auto bombs = [] {
    std::vector<std::string> all;
    for (int number = 1; number <= 13; ++number)
      for (auto& p : hostile_pickles(number)) all.push_back(frame_of(packet::request, 10, p.bytes));
    return all;
  }();
  return {
    .name = "hostile pickle", .login = login_kind::right, .bytes = bombs[random() % bombs.size()]};
}
attack request_flood(source&) {
  static const auto flood = calls(500, "mul", {6, 7});
  return {.name = "flood of requests", .login = login_kind::right, .bytes = flood};
}
attack abandoned_calls(source&) {
  static const auto naps = calls(100, "sleep", {1000});
  return {.name = "a hundred abandoned calls", .login = login_kind::right, .bytes = naps};
}
attack unknown_functions(source& random) {
  static const auto unheard = calls(100, "unheard_of", {});
  return {.name = "calls of unknown functions",
          .login = login_kind::right,
          .bytes = unheard,
          .end = random() % 2 == 0 ? end_kind::close : end_kind::reset};
}
attack unread_results(source&) {
  static const auto big = calls(16, "echo", {std::string(std::size_t{256} << 10, 'x')});
  return {.name = "4 MiB of unread results",
          .login = login_kind::right,
          .bytes = big,
          .reads = false,
          .delay = 3s,
          .end = end_kind::reset};
}
attack half_close(source&) {
  static const auto some = calls(20, "whoami", {});
  return {
    .name = "half-close", .login = login_kind::right, .bytes = some, .end = end_kind::half_close};
}
attack reset_in_login(source& random) {
  auto whole = wrong_login();
  return {.name = "reset within the login",
          .bytes = whole.substr(0, random() % whole.size()),
          .delay = 0ms,
          .end = end_kind::reset};
}
attack reset_in_request(source& random) {
  auto whole = calls(3, "mul", {2, 3});
  return {.name = "reset within a request",
          .login = login_kind::right,
          .bytes = whole.substr(0, random() % whole.size()),
          .delay = 0ms,
          .end = end_kind::reset};
}
attack misplaced_frame(source& random) {
  return {.name = "frame without a place in the state",
          .login = login_kind::right,
          .bytes = frame_of(static_cast<packet>(random()), 9, "\x80\x05N.")};
}
attack repeated_serials(source& random) {
  auto twice = call(9, "sleep", {1}) + call(9, "sleep", {1});
  std::string unsolicited;
  for (int i = 0; i < 1000; ++i) unsolicited += frame_of(packet::response, 9999, "\x80\x05N.");
  return {.name = "repeated serials",
          .login = login_kind::right,
          .bytes = random() % 2 == 0 ? twice : unsolicited};
}

} // namespace

attack draw_attack(source& random) {
  static constexpr std::array kinds{
    tls_hello,       name_bomb,       discovery_flood,   false_length_before_login,
    false_length,    slow_login,      silence,           replayed_login,
    wrong_key,       random_bytes,    http_request,      pickle_bomb,
    request_flood,   abandoned_calls, unknown_functions, unread_results,
    half_close,      reset_in_login,  reset_in_request,  misplaced_frame,
    repeated_serials};
  return kinds[random() % kinds.size()](random);
}

} // namespace patio::tests
