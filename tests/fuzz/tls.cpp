// Checks that a TLS engine survives any bytes, and that an open pair delivers what was sent. Bits 0
// to 2 of the first byte choose the engine that gets the bytes: a server, a client, or one side of
// an open pair. Bits 3 to 7 are the number of cuts; each of the next bytes is the length of one
// piece. The rest is the stream.
#include <patio/protocol/limits.hpp>
#include <patio/tls/tls.hpp>

#include <string>

#include <openssl/err.h>

#include "fuzz.hpp"
#include "tls_identity.hpp"

namespace {

struct contexts {
  patio::tls::context server =
    made({.certificates = fuzz_certificate, .private_key = fuzz_private_key});
  patio::tls::context strict_server = made({.certificates = fuzz_certificate,
                                            .private_key = fuzz_private_key,
                                            .authorities = fuzz_certificate});
  patio::tls::context client = made({.authorities = fuzz_certificate});

  static patio::tls::context made(const patio::tls_options& options) {
    auto context = patio::tls::context::make(options);
    require(context.has_value(), "the fixed certificate is accepted");
    return *context;
  }
};

using engine = std::unique_ptr<patio::tls::engine>;

struct engine_pair {
  engine server, client;
};

engine_pair open_pair(const contexts& all) {
  engine_pair p{all.server.accept(patio::limits{}.tls_handshake_bytes),
                all.client.connect("fuzz.example").value()};
  std::string nothing;
  for (int flight = 0; flight < 3; ++flight) {
    require(p.server->receive(std::exchange(p.client->output(), {}), nothing).has_value(),
            "the server continues");
    require(p.client->receive(std::exchange(p.server->output(), {}), nothing).has_value(),
            "the client continues");
  }
  require(p.server->is_open() && p.client->is_open(), "a pair opens");
  return p;
}

/// Feeds the stream in pieces, like a socket. Returns the plain bytes.
std::string feed(patio::tls::engine& target, std::string_view stream, std::string_view cuts) {
  std::string plain, piece;
  for (std::size_t i = 0; !stream.empty(); ++i) {
    std::size_t length =
      cuts.empty() ? stream.size() : 1u + static_cast<unsigned char>(cuts[i % cuts.size()]);
    piece.assign(stream.substr(0, length));
    stream.remove_prefix(piece.size());
    bool fine = target.receive(piece, plain).has_value();
    require(ERR_peek_error() == 0, "the error queue is empty");
    require(fine || !target.is_open(), "an engine that has failed is not open");
    if (!fine) break;
  }
  return plain;
}

void feed_closed(engine target, std::string_view stream, std::string_view cuts) {
  auto plain = feed(*target, stream, cuts);
  require(plain.empty() || target->is_open(), "nothing is decrypted before an engine is open");
  require(target->output().size() < (1 << 16), "an unknown peer gets few bytes");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const contexts all;
  fuzz_input input{data, size};
  auto first = input.byte();
  auto cuts = input.text(first >> 3);
  auto stream = input.rest();
  switch (first & 7) {
  case 0: feed_closed(all.server.accept(patio::limits{}.tls_handshake_bytes), stream, cuts); break;
  case 1:
    feed_closed(all.strict_server.accept(patio::limits{}.tls_handshake_bytes), stream, cuts);
    break;
  case 2: feed_closed(all.client.connect("fuzz.example").value(), stream, cuts); break;
  case 3:
  case 4: {
    auto p = open_pair(all);
    require(feed((first & 7) == 3 ? *p.server : *p.client, stream, cuts).empty(),
            "bytes from a sender without the keys are not delivered");
    break;
  }
  default: {
    auto p = open_pair(all);
    p.client->send(stream);
    auto bytes = std::exchange(p.client->output(), {});
    require(feed(*p.server, bytes, cuts) == stream, "what was sent is delivered, in any pieces");
  }
  }
  return 0;
}
