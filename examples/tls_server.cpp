// A service that accepts only clients with a certificate of its authority, and lets only one of
// these clients call its function. Argument: a folder made by make_certificates.sh.
#include <iostream>

#include <patio/patio.hpp>

int main(int, char** argv) {
  std::string folder{argv[1]};
  patio::tls_files files{.authorities = folder + "/authority.pem",
                         .certificate = folder + "/server.pem",
                         .private_key = folder + "/server.key"};
  patio::service svc{{.tls_files = files, .rules = {{"alice", "mul"}}}};
  svc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  std::cout << "listening on " << patio::to_string(svc.listen("127.0.0.1:0")) << std::endl;
  svc.run();
}
