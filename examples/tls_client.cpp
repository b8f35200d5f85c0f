// A node that trusts only its own authority and presents a client certificate. Arguments: a folder
// made by make_certificates.sh, HOST:PORT of the server.
#include <iostream>

#include <patio/patio.hpp>

int fail(const patio::error& why) {
  std::cerr << patio::to_string(why) << '\n';
  return 1;
}

int main(int, char** argv) {
  std::string folder{argv[1]};
  auto tls = patio::read_tls_files({.authorities = folder + "/authority.pem",
                                    .certificate = folder + "/alice.pem",
                                    .private_key = folder + "/alice.key"});
  auto where = patio::parse_endpoint(argv[2]);
  if (!tls) return fail(tls.error());
  if (!where) return fail(where.error());

  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::null_executor(), {.tls = *tls});
  patio::shut_down_at_exit end{node};
  auto peer = patio::connect(node, where->host, where->port, {.until_connected = false}).get();
  if (!peer) return fail(peer.error());
  std::cout << "6 times 7 is " << patio::call<std::int64_t>(node, "mul", 6, 7).get() << '\n';
}
