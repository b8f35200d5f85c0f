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

using login = attack::login;
using ending = attack::ending;
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

std::string login_of_another() {
  return frame_of(packet::auth_request, 1,
                  login_answer(login_challenge("0123456789abcdef"), "key", "salt"));
}

attack liar(source& random) {
  static constexpr std::array<const char*, 4> sizes{"\x01\x00\x00\x04\x01", "\x01\x7f\xff\xff\xff",
                                                    "\x01\x80\x00\x00\x00", "\x01\xff\xff\xff\xff"};
  return {.kind = "lies about a length before the login",
          .bytes = std::string(sizes[random() % 4], 5) + std::string("\0\0\0\1", 4)};
}
attack late_liar(source& random) {
  static constexpr std::array<const char*, 3> sizes{"\x0a\x01\x00\x00\x01", "\x0a\x80\x00\x00\x00",
                                                    "\x0a\xff\xff\xff\xff"};
  return {.kind = "lies about a length",
          .how = login::right,
          .bytes = std::string(sizes[random() % 3], 5) + std::string("\0\0\0\1", 4)};
}
attack dripper(source&) {
  return {.kind = "drips a login", .bytes = login_of_another(), .between = 1s, .stays = 1s};
}
attack silent(source&) { return {.kind = "says nothing", .stays = 6s}; }
attack replayer(source&) { return {.kind = "replays a login", .how = login::replayed}; }
attack stranger(source&) { return {.kind = "has another key", .how = login::wrong}; }
attack passer_by(source& random) {
  return {.kind = "sends random bytes", .bytes = noise(random, 512)};
}
attack wrong_door(source&) { return {.kind = "speaks HTTP", .bytes = "GET / HTTP/1.1\r\n\r\n"}; }

attack wrong_language(source&) {
  static const auto hello = [] {
    auto tls =
      tls::context::make({.verify = tls_options::verification::insecure_accept_any_server});
    return (*tls->connect("node.example"))->output();
  }();
  return {.kind = "speaks TLS", .bytes = hello};
}

/// A list that names one text again and again, in two bytes each time.
std::string one_name(std::size_t length, int times) {
  std::string all = "\x80\x04\x58"; // BINUNICODE
  for (int shift = 0; shift < 32; shift += 8) all += static_cast<char>(length >> shift);
  all += std::string(length, 'n') + "\x94\x30]("; // MEMOIZE, POP
  for (int i = 0; i < times; ++i) all += std::string("h\0", 2);
  return all + "e.";
}
attack name_bomber(source& random) {
  // The first is lawful to the last byte where 10,000 names of 512 bytes are; the second is 1.2 GiB
  // to whoever copies before counting.
  static const std::array bombs{one_name(512, 10'000), one_name(1 << 16, 20'000)};
  return {.kind = "answers DISCOVER_REQUEST with a bomb of names",
          .how = login::right,
          .names = bombs[random() % bombs.size()]};
}
attack discoverer(source& random) {
  static const auto questions = [] {
    std::string all;
    for (std::uint32_t i = 0; i < 10'000; ++i)
      all += frame_of(packet::discover_request, 10 + i, "\x80\x05N.");
    return all;
  }();
  return {.kind = "floods with DISCOVER_REQUEST",
          .how = login::right,
          .bytes = questions,
          .reads = random() % 2 == 0};
}

attack bomber(source& random) {
  static const auto bombs = [] {
    std::vector<std::string> all;
    for (int number = 1; number <= 13; ++number)
      for (auto& p : hostile_pickles(number)) all.push_back(frame_of(packet::request, 10, p.bytes));
    return all;
  }();
  return {
    .kind = "sends a hostile pickle", .how = login::right, .bytes = bombs[random() % bombs.size()]};
}
attack flooder(source&) {
  static const auto flood = calls(500, "mul", {6, 7});
  return {.kind = "floods with requests", .how = login::right, .bytes = flood};
}
attack sleeper(source&) {
  static const auto naps = calls(100, "sleep", {1000});
  return {.kind = "leaves a hundred calls behind", .how = login::right, .bytes = naps};
}
attack asker(source& random) {
  static const auto unheard = calls(100, "unheard_of", {});
  return {.kind = "calls unknown functions",
          .how = login::right,
          .bytes = unheard,
          .last = random() % 2 == 0 ? ending::close : ending::reset};
}
attack non_reader(source&) {
  static const auto big = calls(16, "echo", {std::string(std::size_t{256} << 10, 'x')});
  return {.kind = "reads none of 4 MiB of results",
          .how = login::right,
          .bytes = big,
          .reads = false,
          .stays = 3s,
          .last = ending::reset};
}
attack half_closer(source&) {
  static const auto some = calls(20, "whoami", {});
  return {
    .kind = "closes its half", .how = login::right, .bytes = some, .last = ending::half_close};
}
attack resetter(source& random) {
  auto whole = login_of_another();
  return {.kind = "resets within the login",
          .bytes = whole.substr(0, random() % whole.size()),
          .stays = 0ms,
          .last = ending::reset};
}
attack late_resetter(source& random) {
  auto whole = calls(3, "mul", {2, 3});
  return {.kind = "resets within a request",
          .how = login::right,
          .bytes = whole.substr(0, random() % whole.size()),
          .stays = 0ms,
          .last = ending::reset};
}
attack out_of_state(source& random) {
  return {.kind = "sends what has no place",
          .how = login::right,
          .bytes = frame_of(static_cast<packet>(random()), 9, "\x80\x05N.")};
}
attack repeater(source& random) {
  auto twice = call(9, "sleep", {1}) + call(9, "sleep", {1});
  std::string nobodys;
  for (int i = 0; i < 1000; ++i) nobodys += frame_of(packet::response, 9999, "\x80\x05N.");
  return {
    .kind = "repeats serials", .how = login::right, .bytes = random() % 2 == 0 ? twice : nobodys};
}

} // namespace

attack draw_attack(source& random) {
  static constexpr std::array kinds{
    wrong_language, name_bomber, discoverer,  liar,       late_liar,     dripper,      silent,
    replayer,       stranger,    passer_by,   wrong_door, bomber,        flooder,      sleeper,
    asker,          non_reader,  half_closer, resetter,   late_resetter, out_of_state, repeater};
  return kinds[random() % kinds.size()](random);
}

} // namespace patio::tests
