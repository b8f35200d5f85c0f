// A node that accepts only clients with a certificate of its authority, and lets only one of these
// clients call its function. Argument: a folder made by make_certificates.sh.
#include <iostream>

#include <patio/patio.hpp>

int fail(const patio::error& why) {
  std::cerr << patio::to_string(why) << '\n';
  return 1;
}

int main(int, char** argv) {
  patio::block_signals();
  std::string folder{argv[1]};
  auto tls = patio::read_tls_files({.authorities = folder + "/authority.pem",
                                    .certificate = folder + "/server.pem",
                                    .private_key = folder + "/server.key"});
  if (!tls) return fail(tls.error());
  patio::registry rpc;
  rpc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });

  patio::system_config config;
  caf::actor_system sys{config};
  auto node = patio::spawn_tcp_broker(sys, patio::spawn_async_pool(sys, rpc),
                                      {.tls = *tls, .rules = {{"alice", "mul"}}});
  patio::shut_down_at_exit end{node};
  auto where = patio::listen(node, "127.0.0.1", 0);
  if (!where) return fail(where.error());
  std::cout << "listening on " << patio::to_string(*where) << std::endl;
  patio::wait_for_signal();
}
