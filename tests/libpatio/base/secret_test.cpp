// This is a separate program, because it replaces operator delete to search every freed block, and
// CRYPTO_memcmp to count the comparisons of digests.
#include <patio/base/secret.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <malloc.h>
#include <new>
#include <string_view>
#include <vector>

#include <patio/protocol/login.hpp>

#include "mesh/driven_node.hpp"

namespace {

/// The test key. It is built from its complement, so that the program text does not contain it.
char key[32];
bool watching = false;
int leaks = 0, comparisons = 0;

std::string_view key_text() { return {key, sizeof key}; }

/// Counts a freed block that contains a part of the key. The part leaves out the first bytes,
/// because an emptied string overwrites its first byte.
void look_at(void* block) {
  if (!watching || !block) return;
  std::string_view bytes{static_cast<const char*>(block), ::malloc_usable_size(block)};
  if (bytes.find(key_text().substr(2, 6)) != std::string_view::npos) ++leaks;
}

void* take(std::size_t n) {
  if (void* block = std::malloc(n)) return block;
  throw std::bad_alloc{};
}

void give_back(void* block) {
  look_at(block);
  std::free(block);
}

/// Runs `f` and returns the number of blocks that were freed with the key in them.
template <class F>
int leaks_of(F&& f) {
  for (std::size_t i = 0; i < sizeof key; ++i)
    key[i] = static_cast<char>(~("\x93\x8a\x91"[i % 3] + static_cast<char>(i)));
  leaks = 0;
  watching = true;
  f();
  watching = false;
  return leaks;
}

} // namespace

void* operator new(std::size_t n) { return take(n); }
void* operator new[](std::size_t n) { return take(n); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }

extern "C" int CRYPTO_memcmp(const void* a, const void* b, std::size_t n) {
  ++comparisons;
  return std::string_view{static_cast<const char*>(a), n}
             == std::string_view{static_cast<const char*>(b), n}
           ? 0
           : 1;
}

TEST_CASE("secret: this program notices that a plain string leaves its bytes in freed memory") {
  CHECK(leaks_of([] { std::string plain{key_text()}; }) == 1);
}

TEST_CASE("secret: the last copy wipes the bytes, short or long") {
  for (std::size_t size : {8, 15, 16, 32}) {
    INFO(size);
    CHECK(leaks_of([size] {
            patio::secret last;
            {
              patio::secret first{key_text().substr(0, size)};
              auto second = first;
              last = second;
            }
            CHECK(last.view() == key_text().substr(0, size));
            CHECK(last.size() == size);
          })
          == 0);
  }
}

TEST_CASE("secret: an assignment wipes the old bytes") {
  CHECK(leaks_of([] {
          patio::secret s{key_text()};
          s = patio::secret{"other"};
          CHECK(s.view() == "other");
        })
        == 0);
}

TEST_CASE("secret: a string moved into a secret is wiped and empty") {
  CHECK(leaks_of([] {
          for (std::size_t size : {8, 32}) {
            std::string text{key_text().substr(0, size)};
            const auto* bytes = text.data();
            patio::secret s{std::move(text)};
            CHECK(text.empty()); // NOLINT(bugprone-use-after-move): the test checks this promise
            CHECK(std::string_view{bytes, size} == std::string_view{std::string(size, '\0')});
            CHECK(s.view() == key_text().substr(0, size));
          }
        })
        == 0);
}

TEST_CASE("secret: wipe overwrites and empties a string, and accepts an empty string") {
  std::string text = "0123456789";
  const auto* bytes = text.data();
  patio::wipe(text);
  CHECK(text.empty());
  CHECK(std::string_view{bytes, 10} == std::string_view{std::string(10, '\0')});
  patio::wipe(text);
  CHECK(text.empty());
}

TEST_CASE("secret: a secret may be empty") {
  CHECK(patio::secret{}.empty());
  CHECK(patio::secret{""}.empty());
  CHECK(patio::secret{}.view().empty());
  CHECK(patio::secret{std::string{}}.size() == 0);
}

TEST_CASE("secret: a node's login leaves no key behind, on either side") {
  int peers = 0;
  CHECK(leaks_of([&peers] {
          auto count = [&peers](patio::mesh::node_event&& event) {
            peers += std::holds_alternative<patio::mesh::peer_ready>(event);
          };
          driven_node server{{.keys = {{"peer", key_text()}}}, patio::registry{}, count};
          driven_node client{{.key = key_text()}, patio::registry{}, count};
          auto at_server = server.open(patio::role::server, "client:1", "0123456789abcdef", {});
          auto at_client = client.open(patio::role::client, "server:1", "salt", {});
          for (int i = 0; i < 10; ++i) {
            client.receive(at_client, server.take_output(at_server), {});
            server.receive(at_server, client.take_output(at_client), {});
          }
        })
        == 0);
  CHECK(peers == 2);
}

TEST_CASE(
  "secret: certificates are wiped like keys, because their file may also hold the private key") {
  CHECK(leaks_of([] {
          patio::tls_options options{.certificates = key_text(), .private_key = key_text()};
          CHECK_FALSE(patio::tls::context::make(options));
          auto others = std::exchange(options, {});
        })
        == 0);
}

TEST_CASE("secret: a login is compared with every key, whichever key it proves") {
  std::vector<patio::secret> keys{"first", "second", "third", "fourth"};
  auto challenge = patio::protocol::login_challenge("0123456789abcdef");
  auto compared = [&](const char* key) {
    comparisons = 0;
    (void)patio::protocol::check_login(patio::protocol::login_answer(challenge, key, "salt"),
                                       challenge, keys);
    return comparisons;
  };
  for (const auto* proven : {"first", "second", "fourth", "none of them"})
    CHECK(compared(proven) == 1 + 4); // one comparison more for the challenge
}
