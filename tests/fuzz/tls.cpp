// No bytes break a TLS engine. First byte: who gets them (a server, a client, the server or the
// client of an open pair) and how many cuts follow, a byte each; the rest is the stream. What comes
// out of an open pair was put in.
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
    require(context.has_value(), "the fixed certificate is taken");
    return *context;
  }
};

using engine = std::unique_ptr<patio::tls::engine>;

struct pair {
  engine server, client;
};

pair open_pair(const contexts& with) {
  pair p{with.server.accept(patio::limits{}.tls_handshake_bytes),
         with.client.connect("fuzz.example").value()};
  std::string nothing;
  for (int flight = 0; flight < 3; ++flight) {
    require(p.server->receive(std::exchange(p.client->output(), {}), nothing).has_value(),
            "the server goes on");
    require(p.client->receive(std::exchange(p.server->output(), {}), nothing).has_value(),
            "the client goes on");
  }
  require(p.server->is_open() && p.client->is_open(), "a pair opens");
  return p;
}

/// Cut by cut, as a socket would; gives what has come out.
std::string feed(patio::tls::engine& to, std::string_view stream, std::string_view cuts) {
  std::string plain, piece;
  for (std::size_t i = 0; !stream.empty(); ++i) {
    std::size_t length =
      cuts.empty() ? stream.size() : 1u + static_cast<unsigned char>(cuts[i % cuts.size()]);
    piece.assign(stream.substr(0, length));
    stream.remove_prefix(piece.size());
    bool fine = to.receive(piece, plain).has_value();
    require(ERR_peek_error() == 0, "the error queue is empty");
    require(fine || !to.is_open(), "an engine that has failed is not open");
    if (!fine) break;
  }
  return plain;
}

void feed_closed(engine to, std::string_view stream, std::string_view cuts) {
  auto plain = feed(*to, stream, cuts);
  require(plain.empty() || to->is_open(), "nothing is decrypted before an engine is open");
  require(to->output().size() < (1 << 16), "a stranger is not told much");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const contexts with;
  fuzz_input input{data, size};
  auto how = input.byte();
  auto cuts = input.text(how >> 3);
  auto stream = input.rest();
  switch (how & 7) {
  case 0: feed_closed(with.server.accept(patio::limits{}.tls_handshake_bytes), stream, cuts); break;
  case 1:
    feed_closed(with.strict_server.accept(patio::limits{}.tls_handshake_bytes), stream, cuts);
    break;
  case 2: feed_closed(with.client.connect("fuzz.example").value(), stream, cuts); break;
  case 3:
  case 4: {
    auto p = open_pair(with);
    require(feed((how & 7) == 3 ? *p.server : *p.client, stream, cuts).empty(),
            "nobody without the keys can say anything");
    break;
  }
  default: {
    auto p = open_pair(with);
    p.client->send(stream);
    auto bytes = std::exchange(p.client->output(), {});
    require(feed(*p.server, bytes, cuts) == stream, "what went in comes out, however it was cut");
  }
  }
  return 0;
}
